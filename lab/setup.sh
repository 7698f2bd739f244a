#!/bin/sh
# Installs what labs need on this machine, if anything is missing; prints nothing if not.
#   setup.sh [PACKAGE]...    further packages to install with them
set -eu

packages="debian-archive-keyring iproute2 ipset iptables iputils-ping kmod mmdebstrap mount
    openssh-client procps systemd-container tcpdump util-linux $*"

fail() {
    echo "setup: $1" >&2
    exit 1
}

if [ ! -r /etc/debian_version ] || ! command -v dpkg-query >/dev/null; then
    fail "labs need Debian: the hosts are made from the machine's own packages"
fi

missing=
for package in $packages; do
    # dpkg-query fails for a package it has never heard of: that is missing, too.
    if state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) &&
        [ "$state" = installed ]; then
        continue
    fi
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" -eq 0 ] || fail "these packages are missing, run as root to install them:$missing"

echo "setup: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # one word for each package
if ! { apt-get update && apt-get install --yes --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail "apt could not install$missing"
fi
