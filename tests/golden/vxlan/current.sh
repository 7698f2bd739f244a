ip link add name under type veth peer name far
ip address add 192.0.2.1/24 dev under
ip link set dev under up
ip link set dev far up
ip link add name vx1 type vxlan id 1 dstport 4789 local 192.0.2.1 nolearning ttl 5
bridge fdb append 00:00:00:00:00:00 dev vx1 dst 192.0.2.2
bridge fdb append 00:00:00:00:00:00 dev vx1 dst 192.0.2.3
bridge fdb add 02:00:00:00:00:02 dev vx1 dst 192.0.2.2
ip link set dev vx1 up
ip link add name vx2 type vxlan id 2 dstport 4789 remote 192.0.2.9
ip link add name vx3 type vxlan id 3 dstport 4789 group 239.1.1.1 dev under tos 0x10
ip link add name vx4 type vxlan id 4 dstport 4789 ttl inherit tos inherit
ip link set dev vx4 up
