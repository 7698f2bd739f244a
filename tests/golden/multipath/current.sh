ip link add name v0 type veth peer name v1
ip address add 10.0.0.1/24 dev v0
ip address add 10.1.0.1/24 dev v1
ip address add 2001:db8::1/64 dev v0 nodad
ip address add 2001:db8:1::1/64 dev v1 nodad
ip link set dev v0 up
ip link set dev v1 up
ip route add 192.0.2.0/25 nexthop via 10.1.0.2 weight 3 nexthop via 10.0.0.2
ip route add 192.0.2.128/25 nexthop via 10.1.0.2 nexthop via 10.0.0.2
ip route add 198.51.100.0/25 nexthop via 10.1.0.2 nexthop via 10.0.0.2
ip route add 198.51.100.128/25 via 10.0.0.2
ip route add 203.0.113.0/24 nexthop dev v0 nexthop dev v1
ip -6 route add 2001:db8:2::/64 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2 weight 2
ip -6 route add 2001:db8:3::/64 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2
