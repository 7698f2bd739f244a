"""The twenty rules by pyinfra's own operation."""

from pyinfra.operations import iptables

from benchmarks.rules_twenty import RULES

for rule in RULES:
    iptables.rule(chain="INPUT", **rule.pyinfra)
