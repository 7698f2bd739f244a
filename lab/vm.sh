#!/bin/sh
# How supervise.sh runs a host as a virtual machine: Debian's kernel under qemu, an ext4 of its own.
# shellcheck disable=SC2154 # dir, cgroup, switch: supervise.sh's; HOST_*: its environment

prepare() {
    # Relative names from here on: those of Unix sockets may be no longer than 107 characters.
    cd "$dir" || exit
    [ ! -e disk ] || return 0
    mkdir -p tree
    mount -t overlay -o "ro,lowerdir=seed:$HOST_LAYERS" overlay tree
    rm -f disk.half
    # Sparse: it takes the room of what is in it.
    mkfs.ext4 -q -F -L root -E lazy_itable_init=1,lazy_journal_init=1 -d tree disk.half 8G
    umount tree
    mv disk.half disk
}

# An emulated machine is slow, and slower where others use the processors as well.
words='no_timer_check tsc=reliable cryptomgr.notests audit=0 apparmor=0 selinux=0'
words="$words mitigations=off"
words="$words systemd.default_timeout_start_sec=900 systemd.default_device_timeout_sec=900"
# What a host that was just seeded has no need of; and nobody's session is told to logind.
for unit in sysusers random-seed remount-fs journal-flush logind; do
    words="$words systemd.mask=systemd-$unit.service"
done

boot() {
    "$HOST_PYTHON" -m netwright.lab.plug "$dir"
    echo 0 >"$cgroup_root/$cgroup/host/cgroup.procs"
    rm -f monitor shell.sock
    mkfifo monitor
    # Open both ways, so that qemu never meets an end; it tells of events once it was asked.
    exec 3<>monitor
    echo '{"execute": "qmp_capabilities"}' >&3
    # cache=unsafe: what the host flushed is in this machine's memory, and outlives qemu.
    # shellcheck disable=SC2086 # HOST_DEVICES: words without blanks in them
    nsenter --net="$switch" qemu-system-x86_64 \
        -name "$HOST_NAME in $dir" -nodefaults -no-user-config -display none -no-reboot \
        -machine q35 -accel "$HOST_ACCEL" -cpu max -smp 1 -m 768 \
        -kernel "$HOST_KERNEL/boot/vmlinuz" -initrd "$HOST_KERNEL/boot/initrd" \
        -append "console=ttyS0 quiet net.ifnames=0 systemd.show_status=no \
$words $HOST_LINKS" \
        -drive if=none,id=disk,file=disk,format=raw,cache=unsafe,discard=unmap \
        -device virtio-blk-pci,drive=disk -device virtio-rng-pci \
        -chardev file,id=console,path=console.log,append=on -serial chardev:console \
        -device virtio-serial-pci -chardev socket,id=shell,path=shell.sock,server=on,wait=off \
        -device virtserialport,chardev=shell,name=netwright.shell \
        $HOST_DEVICES -qmp stdio <&3 >monitor.log || return
    # With -no-reboot a reboot ends qemu as well, and the monitor tells the two apart.
    ! grep -q guest-reset monitor.log || return 133
}
