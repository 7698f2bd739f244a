ip link add name v0 type veth peer name v1
ip address add 10.0.0.1/24 dev v0
ip link set dev v0 up
ip link set dev v1 up
ip route add 192.0.2.0/24 via 10.0.0.254
ip route add 198.51.100.0/24 via 10.0.0.253 metric 5
ip route add blackhole 203.0.113.0/24
ip rule add priority 100 from 10.0.0.0/8 table 100
ip neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
