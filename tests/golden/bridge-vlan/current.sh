ip link add name br0 type bridge vlan_filtering 1
ip link set dev br0 up
ip link add name p0 type veth peer name q0
ip link set dev p0 master br0 up
bridge vlan add vid 3 pvid untagged dev p0
bridge vlan add vid 10-20 dev p0
ip link add name p1 type veth peer name q1
ip link set dev p1 master br0 up
bridge vlan add vid 7 dev br0 self
ip link add name p2 type veth peer name q2
ip link set dev p2 up
