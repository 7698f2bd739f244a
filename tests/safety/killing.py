"""A host whose scripts are killed at a tool that they start: before it runs, or right after it.

Every tool that they use is wrapped and counted, and of a batch of ip every line.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any

from netwright import run as runs
from netwright import script, snapshot
from tests.iptables.host import Host

# The guard is a process of its own; it is killed by a count of its own.
_SETUP = r"""
mkdir /mnt/kill /mnt/counts
cat > /mnt/kill/any <<'END'
#!/bin/sh
PATH=${PATH#/mnt/kill:}
tool=${0##*/}
if [ "$tool" = setsid ]; then
  [ "${KILL_GUARD:-}" != none ] || exit 0
  export KILL_WHO=guard KILL_POINT="$KILL_GUARD_AT" FAIL_POINT='' PATH="/mnt/kill:$PATH"
  shift
  exec /usr/bin/setsid /bin/sh "$@"
fi
point() {
  # Those of one pipeline come at the same time.
  printf x >> "/mnt/counts/$KILL_WHO"
  # By the shell itself, since it is done hundreds of times. There is no newline: it says false.
  read -r all < "/mnt/counts/$KILL_WHO" || :
  count=$((${#all} - 1))
  [ "$KILL_WHO $count" != "$FAIL_POINT" ] || { echo 'made to fail'; return 1; }
  [ "$KILL_WHO $count" = "$KILL_POINT" ] || return 0
  echo "$tool" > "/mnt/killed-$KILL_WHO"
  # With all that it started, or by itself; then this tool goes on without it.
  [ "$KILL_ALONE" = yes ] || kill -9 0
  kill -9 "$(/usr/bin/cut -d' ' -f6 /proc/$$/stat)"
}
case "$tool ${*:-}" in
  "ip "*"-batch -")
    number=0
    while read -r line; do
      number=$((number + 1))
      { point && printf '%s\n' "$line" | ip "$@" 2> /mnt/words; } ||
        { sed "s/^Command failed.*/Command failed -:$number/" /mnt/words; exit 1; }
      point
    done
    ;;
  *)
    point || exit 1
    "$tool" "$@"
    status=$?
    point
    exit $status
    ;;
esac
END
chmod +x /mnt/kill/any
for tool in cat chmod cksum cp cut head ip ipset iptables-restore ip6tables-restore ln mkdir mv \
  rm rmdir sed setsid sh sync tail; do
  ln -s any "/mnt/kill/$tool"
done
"""

FINGERPRINT = r"""
for place in host $(ip netns list | cut -d' ' -f1 | sort); do
  in=''
  [ "$place" = host ] || in="nsenter --net=/run/netns/$place"
  {
    # One line for a link and one for an address; without what the kernel chooses by itself:
    # numbers, carrier, and what follows from MAC addresses.
    $in ip -d -o link show | sed -e 's/^[0-9]*: //' -e 's/@if[0-9]*:/:/' \
      -e 's/<[^>]*[<,]UP[,>][^>]*>/up/' -e 's/<UP>/up/' -e 's/<[^>]*>/down/' \
      -e 's/ state [A-Z]* / /' -e 's/link.ether.* promisc/promisc/' \
      -e 's/ bridge .*\(stp_state [0-9]\).*/ \1/' \
      -e 's/ state [a-z]* priority.*\(hairpin o[nf]*\).*/ \1/' \
      -e 's/promiscuity.*maxmtu [0-9]*//'
    $in ip -o address show | grep -v ' fe80:' | sed -e 's/^[0-9]*: //' -e 's/ secondary//' \
      -e 's/.$/ /'
    $in ip route show table all | sed 's/ linkdown//' |
      grep -v -e fe80: -e '^local' -e '^broadcast' -e ' ff00::' -e anycast
    $in ip -6 rule; $in ip rule
    $in ip neigh show nud permanent; $in ip neigh show proxy
    $in grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/ip_forward
    $in ipset save | sed 's/ initval [^ ]*//'
  } | sort | sed "s/^/$place: /"
  # A table that is there and empty is no other than none.
  for tool in iptables ip6tables; do
    $in $tool-save | grep -v -e '^#' -e '^[*]' -e ' ACCEPT ' -e '^COMMIT' |
      sed "s/ \[.*//; s/^/$place $tool: /"
  done
done
"""

FILES = r"""
cd /etc
find netwright sysctl.d modules-load.d systemd/system -name '.*' -prune -o \
  \( -path '*netwright*' -print \) 2> /dev/null | sort | while read -r path; do
  stat -c '%n %A' "$path"
  [ -d "$path" ] || cat "$path"
done
for path in netwright/*/*; do [ ! -f "$path" ] || { echo "$path"; cat "$path"; }; done
"""


class Victim(Host):
    """A point is `main 7` or `guard 3`: even numbers are before a tool, odd ones after it."""

    def __init__(self) -> None:
        super().__init__("nft")
        self.sh(_SETUP)

    def kill(
        self,
        text: str,
        point: str = "",
        guard: bool = True,
        alone: bool = False,
        fail: str = "",
        guard_at: int | None = None,
    ) -> bool:
        """Run a script; returns whether it was killed.

        + guard: whether the host has its guard
        + alone: whether the shell is killed by itself, not all that it started
        + guard_at: a point of the guard's at which that is killed
        + fail: a point whose tool does nothing and fails
        """
        self.sh("rm -f /mnt/killed-*; for who in main guard; do : > /mnt/counts/$who; done")
        enter = ["nsenter", "-t", str(self._process.pid), "-m", "-n", "-i", "env"]
        path = "PATH=/mnt/kill:/mnt/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        words = [f"KILL_POINT={point}", "KILL_WHO=main", f"KILL_GUARD={'' if guard else 'none'}"]
        words += [f"KILL_ALONE={'yes' if alone else ''}", f"FAIL_POINT={fail}"]
        words.append(f"KILL_GUARD_AT=guard {guard_at}")
        done = subprocess.run(
            [*enter, path, *words, "/bin/sh"],
            input=text,
            text=True,
            check=False,
            start_new_session=True,
            capture_output=True,
        )
        self.output = done.stdout + done.stderr
        return done.returncode == -9

    def count(self, who: str = "main") -> int:
        """How many tools the last script has started."""
        return int(self.sh(f"wc -c < /mnt/counts/{who}"))

    def settled(self, limit: float = 60.0, killed: bool = False) -> None:
        """Wait until no journal of a change is left: the guard has done its work.

        + killed: also when the guard was killed meanwhile
        """
        until = time.monotonic() + limit
        while self.sh("[ ! -s /run/netwright/network/at ] || echo changed"):
            if killed and self.sh("cat /mnt/killed-guard 2> /dev/null || :"):
                return
            assert time.monotonic() < until, self.sh("head -50 /run/netwright/*/* || :")
            time.sleep(0.05)

    def fingerprint(self) -> tuple[list[str], list[str]]:
        """The live network, and what the next boot reads."""
        return self.sh(FINGERPRINT).splitlines(), self.sh(FILES).splitlines()

    def recover(self, run: runs.Run) -> snapshot.Snapshot:
        """What the next run does first; returns what it finds."""
        found = self.look(run)
        if run.name in found.interrupted:
            done = self.run(run.recovery())
            assert done.returncode == 0, done.stderr
        return found

    def look(self, run: runs.Run) -> snapshot.Snapshot:
        """The next run's snapshot."""
        done = self.run(snapshot.script(snapshot.reads(run.desired), runs.files(run.name)))
        assert done.returncode == 0, done.stderr
        return snapshot.parse(done.stdout.splitlines())

    def answer(self, run: runs.Run) -> script.Answer:
        """What the last script said."""
        return runs.answer(run, self.output.splitlines())


def document(kind: str) -> dict[str, Any]:
    """The old and the new declaration, which differ in every kind of thing."""
    return {"old": _OLD, "new": _NEW}[kind]


# Else it takes a port's, and with a change of it the kernel drops neighbours.
_KB0 = {"kind": "bridge", "mac": "02:00:00:00:00:77"}

_OLD: dict[str, Any] = {
    "sysctl": {"net.ipv4.conf.all.arp_ignore": 1},
    "links": {
        "kb0": {**_KB0, "addresses": ["10.77.0.1/24", "10.77.0.2/24"], "mtu": 1400},
        "kv0": {
            "kind": "veth",
            "veth": {"peer": {"name": "eth0", "netns": "kone"}},
            "master": "kb0",
            "port": {"hairpin": True},
        },
        "kx0": {
            "kind": "veth",
            "veth": {"peer": {"name": "kx1"}},
            "addresses": ["10.76.0.1/24", "2001:db8:76::1/64"],
        },
    },
    "routes": [
        {"dst": "203.0.113.0/24", "via": "10.77.0.9", "metric": 5},
        {"dst": "198.51.100.0/24", "dev": "kb0", "src": "10.77.0.2"},
    ],
    "rules": [{"priority": 90, "from": "10.77.0.0/24", "table": 100}],
    "neighbours": [{"dst": "10.77.0.9", "mac": "02:00:00:00:00:09", "dev": "kb0"}],
    "ipsets": {"kset": {"type": "hash:net", "entries": ["192.0.2.0/25"]}},
    "iptables": {
        "filter": {
            "FORWARD": {"rules": ["-i kb0 -j KOLD"]},
            "KOLD": ["-m set --match-set kset src -j ACCEPT", "-j RETURN"],
        }
    },
    "netns": {
        "kone": {
            "links": {"lo": {}, "eth0": {"addresses": ["10.77.0.5/24"]}},
            "routes": [{"dst": "default", "via": "10.77.0.1"}],
        }
    },
}

_NEW: dict[str, Any] = {
    "sysctl": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.arp_announce": 2},
    "links": {
        "kb0": {
            **_KB0,
            "addresses": ["10.77.0.2/24", "10.78.0.1/24"],
            "mtu": 1450,
            "bridge": {"stp_state": True},
            "ipv4": {"proxy_arp": 1},
        },
        "kv1": {
            "kind": "veth",
            "veth": {"peer": {"name": "eth1", "netns": "ktwo"}},
            "master": "kb0",
        },
        "kx0": {
            "kind": "veth",
            "veth": {"peer": {"name": "kx2"}},
            "addresses": ["10.76.0.2/24", "2001:db8:76::2/64"],
        },
        "kb1": {"kind": "bridge", "addresses": ["10.79.0.1/24"]},
    },
    "routes": [
        {"dst": "203.0.113.0/24", "via": "10.77.0.8", "metric": 5},
        {"dst": "192.0.2.128/25", "via": "10.79.0.9"},
    ],
    "rules": [{"priority": 91, "from": "10.78.0.0/24", "table": 101}],
    "neighbours": [{"dst": "10.77.0.9", "mac": "02:00:00:00:00:19", "dev": "kb0"}],
    "ipsets": {"kset": {"type": "hash:net", "entries": ["192.0.2.0/26", "192.0.2.64/26"]}},
    "iptables": {
        "filter": {
            "FORWARD": {"policy": "DROP", "rules": ["-i kb1 -j KNEW"]},
            "KNEW": ["-m set --match-set kset src -j ACCEPT", "-j DROP"],
        },
        "nat": {"POSTROUTING": ["-s 10.78.0.0/24 -j MASQUERADE"]},
    },
    "ip6tables": {"filter": {"INPUT": ["-i kb1 -j DROP"]}},
    "netns": {
        "ktwo": {
            "links": {"lo": {}, "eth1": {"addresses": ["10.78.0.5/24"]}},
            "routes": [{"dst": "default", "via": "10.78.0.1"}],
        }
    },
}

BY_HAND = r"""
ip link set lo up
ip route add 192.0.2.200 dev kb0
ip address add 10.77.0.77/32 dev kb0
iptables -A FORWARD -s 9.9.9.9 -j DROP
ip link add kh0 type veth peer name kh1
ip link set kh0 master kb0 up
"""
"""What a person has added to the old state, on things that go or change."""
