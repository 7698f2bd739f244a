umask 077
echo yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk= > /run/wg.key
echo UXLiOD85RK3mJ+y+t4ElcBe3DMo+uF0tPoPk4lWYX2U= > /run/wg.psk
ip link add name wg0 type wireguard
wg set wg0 private-key /run/wg.key listen-port 51820
wg set wg0 peer xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg= allowed-ips 10.0.0.2/32 endpoint 192.0.2.2:51820
wg set wg0 peer TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0= preshared-key /run/wg.psk allowed-ips 10.0.0.3/32,fd00::3/128
ip link set dev wg0 up
