ip link add name dum0 type dummy
ip address add 192.0.2.1/32 dev dum0
ip link set dev dum0 up
ip link add name wrong type dummy
