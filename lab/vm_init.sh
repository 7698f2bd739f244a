#!/bin/busybox sh
# The first process of a virtual machine: mounts the disk and gives it over to systemd. On the way
# each link gets what a container's has before it boots, so hosts of both engines look the same.
#   lab.link=IFNAME,MAC,ADDRESS,ADDRESS6,GATEWAY,GATEWAY6    on the kernel's command line
#   lab.probe    only shows that this machine can run virtual machines at all
set -u
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

configure() {
    for path in /sys/class/net/*; do
        [ "$(cat "$path/address")" = "$2" ] || continue
        found=${path##*/}
        [ "$found" = "$1" ] || ip link set "$found" name "$1"
        ip address add "$3" dev "$1"
        ip address add "$4" dev "$1"
        ip link set "$1" up
        ip route add default via "$5" dev "$1"
        ip -6 route add default via "$6" dev "$1"
    done
}

while read -r module; do insmod "$module"; done </modules.order
for word in $(cat /proc/cmdline); do
    case $word in
    lab.probe) reboot -f ;;
    lab.link=*)
        # shellcheck disable=SC2046 # a word for each part
        configure $(echo "${word#lab.link=}" | tr , ' ')
        ;;
    esac
done
ip link set lo up
until [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /root || exec sh
umount /proc /sys
exec switch_root /root /sbin/init
