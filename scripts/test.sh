#!/bin/sh
# Everything: slow and live tests on this machine's kernel, labs, the demo, the scenarios.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
trap '$bin/netwright lab down --all' EXIT

say() { printf '\n==> %s\n' "$*"; }

# What depends on a kernel's or a boot's timing may be tried twice more; that shows as a rerun.
again="--reruns 2 --reruns-delay 2 -rRfEs"

say "tests on the real kernel, and the slow ones"
# shellcheck disable=SC2086 # words
$bin/pytest -q $again -m '(live or slow) and not lab'
say "tests on lab hosts"
# shellcheck disable=SC2086 # words
$bin/pytest -q $again -m lab
say "the demo"
sh scripts/demo.sh
