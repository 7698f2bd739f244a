#!/bin/sh
# The demo: a lab, converged, verified with packets, and a second run that finds nothing to do.
set -eu
cd "$(dirname "$0")/.."
inventory=${1:-inventories/lab.py}
bin=.venv/bin
start=$(date +%s)

say() { printf '\n==> %s\n' "$*"; }

say "1. the lab: real hosts, booted with systemd, reached over SSH"
$bin/netwright lab up "$inventory"
say "2. converge: pyinfra -y $inventory deploys/network.py"
$bin/pyinfra -y "$inventory" deploys/network.py
say "3. verify: pytest --pyinfra-inventory $inventory --verify"
$bin/pytest -q --pyinfra-inventory "$inventory" --verify
say "4. once more: nothing may change"
again=$(mktemp)
trap 'rm -f "$again"' EXIT
$bin/pyinfra -y "$inventory" deploys/network.py 2>&1 | tee "$again"
if ! grep -q 'No changes' "$again" || grep -q 'Success$' "$again"; then
  echo "the second run changed something" >&2
  exit 1
fi
say "done in $(($(date +%s) - start)) s; the lab stays up"
cat <<END
    a shell on a host    $bin/netwright lab shell $inventory a
    what is up           $bin/netwright lab status $inventory
    take it down         make lab-down
END
