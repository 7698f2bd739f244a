ip netns add blue
ip link add name under type veth peer name far
ip link set dev under up
ip link set dev far up
ip link add link under name mv0 type macvlan mode bridge
ip link set dev mv0 up
ip link add link far name mv1 type macvlan mode private
ip link add link under name mv2 netns blue type macvlan mode bridge
ip link add link under name mt0 type macvtap mode vepa
ip link set dev mt0 up
