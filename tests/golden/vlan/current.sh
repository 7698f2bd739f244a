ip link add name trunk type veth peer name far
ip link set dev trunk up
ip link set dev far up
ip link add link trunk name trunk.3 type vlan id 3 egress-qos-map 1:2 3:4
ip link set dev trunk.3 up
ip link add link trunk name trunk.4 type vlan id 4
ip link add link trunk name outer type vlan protocol 802.1ad id 100
ip link set dev outer up
ip link add link outer name inner type vlan id 7
ip link set dev inner up
ip link add link trunk name same type vlan id 9 gvrp on
ip link set dev same up
