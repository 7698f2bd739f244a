"""The verification's own reading of tables and sets finds what is right and what isn't."""

from __future__ import annotations

from typing import Any

import pytest

from netwright.state import load
from netwright.verification import claims as all_claims
from netwright.verification.reading import parse, script
from netwright.verification.seen import Seen
from tests.iptables.host import Host
from tests.iptables.test_spine import DOCUMENT

pytestmark = pytest.mark.live


def _failures(host: Host, document: dict[str, Any]) -> dict[str, str]:
    state = load(document)
    done = host.run(script(state))
    seen = Seen(*parse(done.stdout))
    found = {claim.path: claim.failure(seen) for claim in all_claims.claims(state)}
    assert len(found) > 15
    return {path: text for path, text in found.items() if text is not None}


def test_what_is_declared_holds(host: Host) -> None:
    assert len(_failures(host, DOCUMENT)) > 15
    host.sh("iptables -N THEIRS; iptables -A INPUT -j THEIRS; ipset create theirs hash:ip")
    more = ["-p udp -j THEIRS", "-m set --match-set theirs src -j DROP"]
    document = {**DOCUMENT, "iptables": {**DOCUMENT["iptables"], "mangle": {"INPUT": []}}}
    document["iptables"]["filter"] = {**document["iptables"]["filter"], "OUTPUT": more}
    host.converge(document)
    assert _failures(host, document) == {}


@pytest.mark.parametrize(
    ("drift", "path"),
    [
        (
            "iptables -D INPUT 3",
            "iptables.filter.INPUT.rules[2] -p tcp -m multiport",
        ),
        ("iptables -P INPUT ACCEPT", "iptables.filter.INPUT.policy"),
        ("iptables -A MY_WEB -j DROP", "iptables.filter.MY_WEB.rules"),
        ("iptables -I MY_WEB -j RETURN; iptables -D MY_WEB 3", "iptables.filter.MY_WEB.rules"),
        ("iptables -D INPUT 1; iptables -A INPUT -i lo -j ACCEPT", "iptables.filter.INPUT.rules"),
        ("ipset add blocked 1.2.3.0/24", "ipsets.blocked.entries"),
        ("ip6tables -F", "ip6tables.filter.FORWARD.rules[0] -s fd00::/64 -j ACCEPT"),
        ("ip netns exec blue iptables -t nat -F", "netns.blue.iptables.nat.PREROUTING.rules"),
    ],
)
def test_drift_shows(host: Host, drift: str, path: str) -> None:
    host.converge(DOCUMENT)
    host.sh(drift)
    assert any(found.startswith(path) for found in _failures(host, DOCUMENT))
