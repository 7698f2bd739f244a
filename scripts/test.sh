#!/bin/sh
# Everything: slow and live tests on this machine's kernel, labs, the demo, the scenarios.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
trap '$bin/netwright lab down --all' EXIT

say() { printf '\n==> %s\n' "$*"; }

# What fails is tried once more, in sight: boots and packets depend on what else the machine does.
tests() {
  $bin/pytest -q -m "$1" || {
    say "once more, what failed"
    $bin/pytest -q -m "$1" --last-failed --last-failed-no-failures none
  }
}

say "tests on the real kernel, and the slow ones"
tests '(live or slow) and not lab'
say "tests on lab hosts"
tests lab
say "the demo"
sh scripts/demo.sh
