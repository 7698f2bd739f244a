ip netns add blue
ip link add name kept type veth peer name eth0 netns blue
ip link set dev kept up
ip link add name other type veth peer name eth1 netns blue
