ip link add name trunk type veth peer name far
ip link set dev trunk up
ip link set dev far up
ip link add link trunk name trunk.3 type vlan id 3
ip link set dev trunk.3 up
ip link add link trunk name outer type vlan id 4
ip link set dev outer up
ip link add link outer name inner type vlan id 5
ip link set dev inner up
ip link set dev inner mtu 1350
ip link add link far name mv0 type macvlan mode bridge
ip link set dev mv0 mtu 1300
