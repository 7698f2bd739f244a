ip link add name br0 type bridge stp_state 1 forward_delay 400
ip link set dev br0 up
ip link add name p0 type veth peer name q0
ip link set dev p0 master br0 up
ip link set dev p0 type bridge_slave hairpin on
ip link add name p1 type veth peer name q1
ip link set dev p1 master br0 up
