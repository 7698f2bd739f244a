#!/bin/sh
# One lab host, from power-on to power-off; nspawn.py starts it, it ends when the host is off.
#   supervise.sh HOSTDIR CGROUP_ROOT CGROUP IMAGE PYTHON HOSTNAME UUID
# Mounts, namespaces and processes are its own and go with it, however it ends; what remains is
# HOSTDIR (the disk, the log) and an empty cgroup.
set -eu
dir=$1 cgroup_root=$2 cgroup=$3 image=$4 python=$5 hostname=$6 uuid=$7

if [ "${8-}" != inside ]; then
    mkdir -p "$cgroup_root/$cgroup/supervisor" "$cgroup_root/$cgroup/host"
    echo 0 >"$cgroup_root/$cgroup/supervisor/cgroup.procs"
    # The shell below is the init of its pid namespace: when it dies, the kernel ends all the rest.
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
        /bin/sh "$0" "$@" inside
fi

# nspawn keeps state under /run and cannot clean up where that is a disk; in a /run of its own it
# leaves nothing on the machine either.
mount -t tmpfs -o mode=0755 tmpfs /run
# systemd wants a pure cgroup v2 tree; a machine with v1 or both has something else here.
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount --recursive /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
# A copy of another lab's switch would keep it alive after that lab is gone.
switch=${dir%/hosts/*}/switch
for pin in "${switch%/*/switch}"/*/switch; do
    if [ "$pin" != "$switch" ] && mountpoint -q "$pin"; then umount "$pin"; fi
done
mount -t overlay -o "lowerdir=$image,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"

boot() {
    # A real machine comes up without yesterday's network: each boot has a new namespace.
    if mountpoint -q "$dir/netns"; then umount "$dir/netns"; fi
    : >"$dir/netns"
    unshare --net="$dir/netns" true
    "$python" -m netwright.lab.wire "$dir"

    echo 0 >"/sys/fs/cgroup/$cgroup/host/cgroup.procs"
    # SECCOMP, --capability: Docker, ipset and friends need what nspawn forbids by default.
    # --keep-unit, --register=no: there may be no systemd on the machine to ask.
    # API_VFS_WRITABLE: /proc/sys/net, which nspawn leaves read-only in a namespace it did not make.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network \
        exec systemd-nspawn --quiet --boot \
        --directory="$dir/root" --machine="$hostname" --hostname="$hostname" --uuid="$uuid" \
        --network-namespace-path="$dir/netns" --resolv-conf=off --timezone=off \
        --settings=no --register=no --keep-unit --link-journal=no --console=read-only \
        --capability=all --system-call-filter="@keyring bpf add_key keyctl"
}

while :; do
    rm -f "$dir/ready" "$dir/again"
    printf . >>"$dir/boots"
    echo "--- boot" >&2
    # Not $(...) nor ||: both would switch `set -e` off inside boot.
    set +e
    (set -e; boot)
    status=$?
    set -e
    rm -f "$dir/ready"
    echo "--- off, status $status" >&2
    # With --keep-unit nspawn ends with 133 when the host wants to reboot; `again` is a power cut
    # by the engine, which asks for the power to come back.
    [ "$status" -eq 133 ] || [ -e "$dir/again" ] || exit "$status"
done
