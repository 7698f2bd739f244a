"""Workloads that are Docker's containers without a network: `--network none`, and a veth.

A container has another network namespace each time it starts. `/run/netns/WORKLOAD` is made to name
it, and then it is like any workload's. A unit on the host does so at each start, and has the
network's boot script make what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netwright.installs.fabric import Fabric
from netwright.installs.read import unit

__all__ = ["EVIDENCE", "Plugs", "apply", "containers", "parse"]

_LIST = "/etc/fabric-containers"
_PROGRAM = "/usr/local/sbin/fabric-containers"
_UNIT = "fabric-containers.service"

_SCRIPT = f"""#!/bin/sh
# Written by Netwright's deploys/fabric.py. /etc/fabric-containers has WORKLOAD and CONTAINER.
#   check   how each of them is: plugged, unplugged, down, or the network that it has instead
#   plug    makes the name of each workload that of its container's namespace; tells which
#   watch   the same whenever a container starts; what is missing in a namespace is made
export PATH=$PATH:/usr/sbin:/sbin
is() {{ stat -Lc %d:%i "$1" 2>&1; }}
check() {{
  # shellcheck disable=SC2046 # names have no blanks
  found=$(docker inspect --type container \\
    -f '{{{{.Name}}}} {{{{.State.Pid}}}} {{{{.HostConfig.NetworkMode}}}}' \\
    $(cut -d' ' -f2 {_LIST}) 2>/dev/null)
  while read -r workload container; do
    at=$(printf '%s\\n' "$found" | awk -v name="/$container" '$1 == name {{ print $2, $3 }}')
    pid=${{at%% *}} mode=${{at#* }} word=unplugged
    if [ "${{pid:-0}}" = 0 ]; then
      word=down
    elif [ "$mode" != none ]; then
      word=$mode
    elif [ "$(is "/run/netns/$workload")" = "$(is "/proc/$pid/ns/net")" ]; then
      word=plugged
    fi
    echo "$workload $container $word ${{pid:-0}}"
  done <{_LIST}
}}
unplug() {{
  # A namespace goes later than its name, its links with it: those first.
  ip -n "$1" link delete dev eth0 2>/dev/null
  ip netns delete "$1"
}}
plug() {{
  check | while read -r workload container word pid; do
    case $word in
    plugged | down) continue ;;
    unplugged) ;;
    *) echo "$container: its network is $word, a workload's is none" >&2; continue ;;
    esac
    [ ! -e "/run/netns/$workload" ] || unplug "$workload"
    ip netns attach "$workload" "$pid" && echo "$workload"
  done
}}
again() {{
  [ -z "$(plug)" ] || [ ! -e /etc/netwright/fabric/boot ] || sh /etc/netwright/fabric/boot
}}
watch() {{
  since=$(date +%s)
  again
  # Its end is the daemon's; systemd starts this again.
  docker events --since "$since" --filter type=container --filter event=start --format . |
    while read -r _; do again; done
}}
"$@"
"""

_SETTINGS = f"""# Written by Netwright's deploys/fabric.py.
[Unit]
Description=Containers' place in the fabric
After=docker.service netwright-fabric.service
# Docker may be away for as long as it likes.
StartLimitIntervalSec=0

[Service]
ExecStart={_PROGRAM} watch
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""

EVIDENCE = f"""
if [ -e {_PROGRAM} ]; then
  part plug-program; cat {_PROGRAM} /etc/systemd/system/{_UNIT}
  part plug-unit; systemctl show -p ActiveState,UnitFileState {_UNIT}
  part plug-list; cat {_LIST}
  part plug-check; {_PROGRAM} check
fi
"""


@dataclass(frozen=True)
class Plugs:
    """What a host shows of its workloads' containers.

    + current: whether the program and its unit are ours of today, and it runs
    + containers: the workloads that the program knows, with the names of their containers
    + words: how each of those is, as its `check` says
    """

    there: bool = False
    current: bool = False
    enabled: bool = False
    containers: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def due(self, declared: Mapping[str, str], persist: bool) -> Iterator[str]:
        """What has to be done, in words; nothing if all is as declared.

        + declared: the containers, by workload
        + persist: whether the next boot shall have it too
        """
        for workload in self.containers:
            if self.containers[workload] != declared.get(workload):
                yield f"{workload}: {self.containers[workload]} is unplugged"
        for workload, container in declared.items():
            known = self.containers.get(workload) == container
            word = self.words.get(workload, "down") if known else "unplugged"
            if word not in ("plugged", "down"):
                yield f"{workload}: {container} is plugged"
        if declared and not (self.current and self.enabled is persist):
            yield f"{_UNIT}: is written, and started"


def parse(found: Mapping[str, str]) -> Plugs:
    """From the parts that `EVIDENCE` prints."""
    if "plug-program" not in found:
        return Plugs()
    shown = unit(found["plug-unit"])
    ours = found["plug-program"] == f"{_SCRIPT}{_SETTINGS}".strip()
    words = [line.split(" ") for line in found["plug-check"].splitlines()]
    return Plugs(
        there=True,
        current=ours and shown.get("ActiveState") == "active",
        enabled=shown.get("UnitFileState") == "enabled",
        containers=dict(line.split(" ", 1) for line in found["plug-list"].splitlines()),
        words={workload: word for workload, _, word, _ in words},
    )


def containers(fabric: Fabric, host: str) -> dict[str, str]:
    """A host's containers, by workload."""
    return {
        name: workload.container
        for name, workload in fabric.node(host).workloads.items()
        if workload.container is not None
    }


def apply(plugs: Plugs, declared: Mapping[str, str], persist: bool) -> str:
    """The script that plugs what is declared, and unplugs what no longer is; arguments as `due`.

    It fails with a line for each container that has a network.
    """
    gone = [name for name, had in plugs.containers.items() if declared.get(name) != had]
    lines = [f"systemctl stop {_UNIT} 2>/dev/null"]
    lines += _files(declared) if declared or plugs.there else []
    lines += [f"[ ! -e /run/netns/{name} ] || {_PROGRAM} unplug {name}" for name in gone]
    if not declared:
        lines += [f"systemctl disable --quiet {_UNIT}"]
        lines += [f"rm -f {_PROGRAM} {_LIST} /etc/systemd/system/{_UNIT}"]
        return "\n".join([*lines, "systemctl daemon-reload"])
    verb = "enable" if persist else "disable"
    lines += ["systemctl daemon-reload", f"systemctl {verb} --quiet {_UNIT}"]
    lines += [f"said=$({_PROGRAM} plug 2>&1 >/dev/null)", f"systemctl start {_UNIT}"]
    return "\n".join([*lines, '[ -z "$said" ] || { echo "$said" >&2; exit 1; }'])


def _files(declared: Mapping[str, str]) -> Iterator[str]:
    listed = "".join(f"{name} {container}\n" for name, container in declared.items())
    for path, text in (
        (_PROGRAM, _SCRIPT),
        (f"/etc/systemd/system/{_UNIT}", _SETTINGS),
        (_LIST, listed),
    ):
        yield f"cat >{path} <<'END-OF-FILE'\n{text}END-OF-FILE"
    yield f"chmod 755 {_PROGRAM}"
