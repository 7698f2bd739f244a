#!/bin/sh
# One lab host, from power-on to power-off; supervised.py starts it, it ends when the host is off.
#   supervise.sh HOSTDIR CGROUP_ROOT CGROUP ENGINE    and HOST_* in the environment
# ENGINE.sh says how a host is prepared and booted. Mounts, namespaces and processes are its own and
# go with it, however it ends; what remains is HOSTDIR (the disk, the log) and an empty cgroup.
set -eu
dir=$1 cgroup_root=$2 cgroup=$3 engine=$4

if [ "${5-}" != inside ]; then
    mkdir -p "$cgroup_root/$cgroup/supervisor" "$cgroup_root/$cgroup/host"
    echo 0 >"$cgroup_root/$cgroup/supervisor/cgroup.procs"
    # The shell below is the init of its pid namespace: when it dies, the kernel ends all the rest.
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
        /bin/sh "$0" "$@" inside
fi

# A copy of another lab's switch would keep it alive after that lab is gone.
switch=${dir%/hosts/*}/switch
for pin in "${switch%/*/switch}"/*/switch; do
    if [ "$pin" != "$switch" ] && mountpoint -q "$pin"; then umount "$pin"; fi
done

# prepare: before the first boot. boot: replaces its shell; status 133 says "boot again".
# shellcheck source=/dev/null
. "${0%/*}/$engine.sh"
prepare

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
    # `again` is a power cut by the engine, which asks for the power to come back.
    [ "$status" -eq 133 ] || [ -e "$dir/again" ] || exit "$status"
done
