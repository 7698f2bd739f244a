ip tuntap add dev tap0 mode tap user 1000 group 1001
ip link set dev tap0 up
ip tuntap add dev tun0 mode tun
ip link set dev tun0 up
ip tuntap add dev tap1 mode tap user 1000
