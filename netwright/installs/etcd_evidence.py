"""What a host shows of its etcd: one script prints it, `parse` reads it. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright.installs.certificate import prints
from netwright.installs.etcd import DATA, PKI
from netwright.installs.read import MARK, parts, unit

__all__ = ["CTL", "Evidence", "Listed", "parse", "script"]

# etcdctl with the certificates of this host, if it has any: they are members' and clients'.
CTL = f"""export ETCDCTL_API=3 PATH=/usr/local/bin:$PATH:/usr/sbin:/sbin
ctl() {{
  case $1 in
  https:*) set -- --endpoints="$@" --cacert={PKI}/ca.pem --cert={PKI}/member.pem \\
    --key={PKI}/member.key ;;
  *) set -- --endpoints="$@" ;;
  esac
  etcdctl --dial-timeout=2s --command-timeout=4s "$@"
}}
"""

_SCRIPT = f"""cd /
{CTL}
part() {{ echo; echo "{MARK}$1"; }}
part unit; systemctl show -p LoadState,ActiveState,SubState,MainPID,UnitFileState etcd.service
pid=$(systemctl show -p MainPID --value etcd.service)
part installed; etcd --version 2>&1 | sed -n 's/^etcd Version: //p'
part data; if [ -d {DATA}/member ]; then echo yes; fi
url=
if [ "${{pid:-0}}" -gt 0 ]; then
  part exe; readlink "/proc/$pid/exe"
  part environment; tr '\\0' '\\n' <"/proc/$pid/environ" | grep -E '^(ETCD|NETWRIGHT)_'
  url=$(tr '\\0' '\\n' <"/proc/$pid/environ" | sed -n 's/^ETCD_ADVERTISE_CLIENT_URLS=//p')
  url=${{url:-http://localhost:2379}}
  said=$(ctl "$url" endpoint status -w json 2>&1) && told=yes || told=
  part 'endpoint status'; echo "$said"
  # Who does not tell its own state answers nothing else either, and a learner nothing but that:
  # each time after seconds.
  case $said in *'"isLearner":true'*) told= said='it is a learner still' ;; esac
  part 'member list'; if [ "$told" ]; then ctl "$url" member list -w json 2>&1; fi
  part 'alarm list'; if [ "$told" ]; then ctl "$url" alarm list -w json 2>&1; fi
  part 'endpoint health'; if [ "$told" ]; then said=$(ctl "$url" endpoint health -w json 2>&1); fi
  echo "$said"
fi
part certificate; if [ -e {PKI}/member.pem ]; then cat {PKI}/member.pem; fi
part ca; if [ -e {PKI}/ca.pem ]; then cat {PKI}/ca.pem; fi
part end
"""


@dataclass(frozen=True)
class Listed:
    """A member as a cluster lists it; without a name it has never started."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool

    @property
    def hex(self) -> str:
        """As etcdctl's commands take it."""
        return f"{self.id:x}"


@dataclass(frozen=True)
class Evidence:
    """What one host shows; None where it did not answer."""

    installed: str | None = None
    masked: bool = False
    enabled: bool = False
    active: str = "inactive"
    sub: str = "dead"
    stale: bool = False
    data: bool = False
    environment: Mapping[str, str] | None = None
    healthy: bool = False
    version: str | None = None
    cluster: int | None = None
    member: int | None = None
    leader: int | None = None
    revision: int = 0
    size: int = 0
    members: tuple[Listed, ...] | None = None
    alarms: tuple[str, ...] = ()
    certificate: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)
    words: str = ""

    @property
    def running(self) -> bool:
        """Whether there is a process that should be left, or restarted, rather than started."""
        return self.environment is not None

    @property
    def leads(self) -> bool:
        return self.leader is not None and self.leader == self.member


def script() -> str:
    """What to run on a host, as root, in one go."""
    return _SCRIPT


def parse(output: list[str]) -> Evidence:
    """What the script printed.

    Raises SnapshotError if it did not come to its end.
    """
    found = parts(output, "etcd")
    shown = unit(found["unit"])
    base = Evidence(
        installed=found["installed"] or None,
        masked=shown.get("LoadState") == "masked",
        enabled=shown.get("UnitFileState") == "enabled",
        active=shown.get("ActiveState", "inactive"),
        sub=shown.get("SubState", "dead"),
        data=bool(found["data"]),
        certificate=_certificate(found["certificate"]),
        ca=_certificate(found["ca"]),
    )
    if "environment" not in found:
        return base
    return Evidence(**{**vars(base), **_running(found)})


def _running(found: Mapping[str, str]) -> dict[str, Any]:
    lines = found["environment"].splitlines()
    status = _json(found["endpoint status"])
    header: dict[str, Any] = {}
    values: dict[str, Any] = {
        "environment": dict(line.split("=", 1) for line in lines if "=" in line),
        "stale": found["exe"].endswith(" (deleted)"),
        "healthy": _healthy(found["endpoint health"]),
        "words": _words(found["endpoint health"]),
    }
    if isinstance(status, list) and status and "Status" in status[0]:
        said = status[0]["Status"]
        header = said["header"]
        values |= {
            "version": said.get("version"),
            "leader": said.get("leader"),
            "size": said.get("dbSize", 0),
        }
    listed = _json(found["member list"])
    if isinstance(listed, dict) and "members" in listed:
        values["members"] = tuple(_listed(each) for each in listed.get("members", ()))
    alarms = _json(found["alarm list"])
    if isinstance(alarms, dict):
        names = {1: "NOSPACE", 2: "CORRUPT"}
        values["alarms"] = tuple(
            f"{names.get(each.get('alarm', 0), 'unknown')} on {each.get('memberID', 0):x}"
            for each in alarms.get("alarms", ())
        )
    return values | {
        "cluster": header.get("cluster_id"),
        "member": header.get("member_id"),
        "revision": header.get("revision", 0),
    }


def _certificate(text: str) -> str | None:
    """None for a file that has none in it: it is as good as no file."""
    try:
        return text if prints(text) else None
    except ValueError:
        return None


def _listed(each: Mapping[str, Any]) -> Listed:
    return Listed(
        each["ID"],
        each.get("name", ""),
        tuple(each.get("peerURLs", ())),
        tuple(each.get("clientURLs", ())),
        bool(each.get("isLearner", False)),
    )


def _json(text: str) -> Any:
    """The answer among what etcdctl prints; 3.4 puts complaints before it."""
    for line in reversed(text.splitlines()):
        if line.startswith(("[", "{")):
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
    return None


def _healthy(text: str) -> bool:
    found = _json(text)
    return isinstance(found, list) and bool(found) and all(each.get("health") for each in found)


def _words(text: str) -> str:
    found = _json(text)
    if isinstance(found, list):
        return "; ".join(str(each["error"]) for each in found if each.get("error"))
    return " ".join(text.split())[-200:]
