# The host of declared.yaml, made by hand: no mistake of netwright's converging can hide one here.
ip netns add vt1
ip netns add vt2
ip link add vtbr type bridge stp_state 0 forward_delay 400 ageing_time 12000 mcast_snooping 0
ip link set vtbr address 02:00:0a:c9:00:01 mtu 1400 txqueuelen 900
ip address add 10.201.0.1/24 dev vtbr
ip address add 10.201.1.1/24 dev vtbr
ip address add fd00:201::1/64 dev vtbr nodad
ip link set vtbr up
ip link add vtp1 type veth peer name v1 netns vt1
ip link set vtp1 master vtbr
ip link set vtp1 type bridge_slave hairpin on isolated on cost 12
ip link set vtp1 up
ip link add vtp2 type veth peer name v2 netns vt2
ip link set vtp2 master vtbr up
ip link add vt.5 type veth peer name vt.6
ip link set vt.5 promisc on up
ip -n vt1 link set lo up
ip -n vt1 address add 10.201.0.2/24 dev v1
ip -n vt1 link set v1 up
ip -n vt2 link set v2 up
ip -n vt1 link add third1 type veth peer name third2 netns vt2
ip -n vt2 address add 10.201.0.2/24 dev third2
ip route add default via 10.201.0.254 src 10.201.0.1 metric 100
ip route add 10.202.0.0/24 dev vtbr table 100 mtu 1300
ip route add blackhole 10.203.0.0/24
ip -6 route add default via fd00:201::fe
ip -6 route add unreachable fd00:203::/64
ip -6 route add unreachable ::ffff:0.0.0.0/96
ip -n vt1 route add default via 10.201.0.1 src 10.201.0.2
ip -n vt1 route add 10.204.0.0/24 via 10.201.9.9 dev v1 onlink
ip rule add priority 100 from 10.201.0.0/16 fwmark 0x1/0xff iif vtbr table 100
ip rule add priority 101 to 10.209.0.0/16 prohibit
ip -6 rule add priority 100 from fd00:201::/64 table 100
ip -6 rule add priority 103 from ::ffff:10.9.0.0/120 table 100
ip neighbour add 10.201.0.9 lladdr 02:00:00:00:00:09 dev vtbr nud permanent
ip neighbour add proxy 10.201.0.10 dev vtbr
ip neighbour add proxy ::ffff:10.9.0.7 dev vtbr
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv4/conf/vt.5/rp_filter
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo '32768 50999' > /proc/sys/net/ipv4/ip_local_port_range
ip netns exec vt1 sh -c 'echo 1 > /proc/sys/net/ipv4/conf/v1/accept_local'
ip netns exec vt1 sh -c 'echo 0 > /proc/sys/net/ipv4/conf/all/accept_local'
ipset create vtblocked hash:net maxelem 1000
ipset add vtblocked 198.51.100.0/24
ipset create vtports bitmap:port range 0-1000
ipset add vtports 80
ipset create vttimed hash:ip,port timeout 300 counters
ipset add vttimed 10.201.0.1,tcp:80
ipset add vttimed 10.201.0.1,tcp:81
iptables -P FORWARD DROP
iptables -A INPUT -s 192.0.2.77 -j ACCEPT
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT
iptables -A INPUT -s 10.201.0.0/24,10.202.0.0/24 -j DROP
iptables -A INPUT -m set --match-set vtblocked src -j DROP
iptables -N MY_WEB
iptables -A MY_WEB -p tcp --dport 443 -j ACCEPT
iptables -A MY_WEB -p tcp --dport 443 -j ACCEPT
iptables -A MY_WEB -m comment --comment 'a "b" c' -j RETURN
iptables -A OUTPUT -j MY_WEB
iptables -t nat -A POSTROUTING -s 172.16.0.0/24 ! -d 172.16.0.0/24 -j MASQUERADE
ip6tables -A FORWARD -s 2001:db8::/48 -j DROP
ip netns exec vt1 iptables -A OUTPUT -o lo -j ACCEPT
