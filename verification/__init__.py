"""Verification: every declared thing and every check of an inventory's hosts is a pytest item.

    pytest --pyinfra-inventory INVENTORY --verify

    plugin       the options; inert without --verify
    inventory    hosts, connections and declarations, as pyinfra has them
    connection   a testinfra backend over pyinfra's connection
    items        the pytest nodes: HOST::connection, HOST::PATH, HOST::checks[N] ...
    reading      one command that reads all that a declaration names on a host, and its parts
    tables       the part of it that is about iptables and ipsets
    seen         what the host printed, as types; nothing is taken from netwright.snapshot
    effective    what the kernel makes of a parameter of a link and the same of `all`
    claim        one declared thing, and what is found in its place
    claims       from a declaration to claims; link_claims and table_claims do their part
    check_run    one check: listeners, probe, verdict, and `with` around them
    place        `host`, NAMESPACE, HOST/NAMESPACE
    probe        a probe's command line, for the tool that the target has
    attempts     one command that runs a probe; outcome says what its tool's words mean
    listener     listeners on targets, which always go
    variation    `with`: a variation that the host itself takes back

A new kind of link needs nothing here if `ip -d -j link` shows its options under their own names;
link_claims has the exceptions. What can't be read is red, never passed over.
"""
