ip link add name bond0 type bond mode active-backup miimon 100
ip link add name m0 type veth peer name m1
ip link set dev m0 master bond0
ip link set dev bond0 up
ip link add name n0 type veth peer name n1
ip link set dev n0 up
ip link set dev n1 up
ip link add name bond1 type bond mode balance-rr
ip link set dev bond1 up
