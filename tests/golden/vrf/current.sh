ip link add name red type vrf table 10
ip link set dev red up
ip link add name blue type vrf table 20
ip link set dev blue up
ip link add name m0 type veth peer name m1
ip address add 10.0.0.1/24 dev m0
ip address add fd00::1/64 dev m0 nodad
ip link set dev m1 up
ip link set dev m0 up
