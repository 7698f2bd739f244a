#!/bin/sh
# How supervise.sh runs a host as a container: an overlay of the root image, systemd-nspawn.
# shellcheck disable=SC2154 # dir, cgroup: supervise.sh's; HOST_*: its environment

prepare() {
    # nspawn keeps state under /run and cannot clean up where that is a disk; in a /run of its own
    # it leaves nothing on the machine either.
    mount -t tmpfs -o mode=0755 tmpfs /run
    # systemd wants a pure cgroup v2 tree; a machine with v1 or both has something else here.
    if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
        umount --recursive /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi
    mount -t overlay -o "lowerdir=$HOST_LAYERS,upperdir=$dir/upper,workdir=$dir/work" \
        overlay "$dir/root"
}

boot() {
    # A real machine comes up without yesterday's network: each boot has a new namespace.
    if mountpoint -q "$dir/netns"; then umount "$dir/netns"; fi
    : >"$dir/netns"
    unshare --net="$dir/netns" true
    "$HOST_PYTHON" -m netwright.lab.plug "$dir"

    echo 0 >"/sys/fs/cgroup/$cgroup/host/cgroup.procs"
    # SECCOMP, --capability: Docker, ipset and friends need what nspawn forbids by default.
    # --keep-unit, --register=no: there may be no systemd on the machine to ask; with --keep-unit
    # nspawn ends with 133 when the host wants to reboot.
    # API_VFS_WRITABLE: /proc/sys/net, which nspawn leaves read-only in a namespace it did not make.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network \
        exec systemd-nspawn --quiet --boot \
        --directory="$dir/root" --machine="$HOST_NAME" --hostname="$HOST_NAME" \
        --uuid="$HOST_UUID" \
        --network-namespace-path="$dir/netns" --resolv-conf=off --timezone=off \
        --settings=no --register=no --keep-unit --link-journal=no --console=read-only \
        --capability=all --system-call-filter="@keyring bpf add_key keyctl"
}
