#!/bin/sh
# Everything: slow and live tests on this machine's kernel, labs, the demo, the scenarios.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
# Each lab host's systemd holds some seven of these; beyond the limit a host hangs in its boot, and a
# rollout over twenty hosts beside another lab is beyond the kernel's default.
inotify=/proc/sys/fs/inotify/max_user_instances
had=$(cat $inotify)
trap '$bin/netwright lab down --all; echo "$had" > $inotify' EXIT
[ "$had" -ge 1024 ] || echo 1024 > $inotify

# A test run that was killed leaves its labs' networks to those that come after it: those of tests,
# which no process uses any more, known by their mounts.
for state in $(sed -n 's|^nsfs \(/.*/pytest-.*\)/labs/[^/]*/switch .*|\1|p' /proc/mounts | sort -u); do
  if ! pgrep -f "$state" >/dev/null; then NETWRIGHT_STATE=$state $bin/netwright lab down --all; fi
done

began=$(date +%s)
say() { printf '\n==> %s  (%s)\n' "$*" "$(date +%T)"; }

# Hundreds of Pythons start: what they import is compiled once, also where the user's shell says no.
export PYTHONDONTWRITEBYTECODE=

# Two more than there are cores: each has namespaces or a lab of its own, and some of it waits; with
# four more it took as long. What fails is tried twice more, in sight and by itself: boots and
# packets depend on what else the machine does.
tests() {
  $bin/pytest -q --durations=30 -n "$(($(nproc) + 2))" --dist loadfile --no-loadscope-reorder \
    -m "$1" && return 0
  for try in second third; do
    say "what failed, for the $try time"
    $bin/pytest -q -m "$1" --last-failed --last-failed-no-failures none && return 0
  done
  return 1
}

# In one run: while hosts boot, those that need only the kernel use the machine.
say "tests on the real kernel, the slow ones, and those on lab hosts"
tests 'live or slow or lab'
say "the demo"
sh scripts/demo.sh
# For the goals that the benchmarks print.
mkdir -p build && echo "$(($(date +%s) - began))" > build/test-seconds
say "done in $((($(date +%s) - began + 30) / 60)) minutes"
