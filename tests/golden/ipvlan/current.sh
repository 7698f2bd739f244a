ip link add name under type veth peer name far
ip link set dev under up
ip link set dev far up
ip link add link under name iv0 type ipvlan mode l2
ip link set dev iv0 up
ip link add link far name iv1 type ipvlan mode l3 private
ip link set dev iv1 up
