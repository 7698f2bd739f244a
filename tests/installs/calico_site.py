"""A program: a mirror of releases and the datastore behind the calicoctl that it serves.

It answers as Calico would as far as calicoctl's command line shows it: resources by kind and name,
nodes that register, and sessions that are established some time after what they come of is there.
Every change is kept with the sessions of that moment, for the test to read at /log.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

# calicoctl's own words and forms, see docs.tigera.io; it has no more than a shell and curl here.
CALICOCTL = r"""#!/bin/sh
site=$(sed -n 's/.*"etcdEndpoints": *"\([^",]*\).*/\1/p' /etc/calico/calicoctl.cfg)
case "$1 $2" in
'version '*)
  printf 'Client Version:    v%s\nGit commit:        0000000\n' VERSION
  ;;
'node status') exec curl -sS "$site/status/$(hostname)" ;;
'get '*) exec curl -fsS "$site/get/$2" ;;
'apply '*) exec curl -fsS --data-binary @- "$site/apply" ;;
'patch '*) exec curl -fsS --data-binary "$5" "$site/patch/$2/$3" ;;
'delete '*) exec curl -fsS -X DELETE "$site/delete/$2/$3" ;;
*) echo "Invalid option: $*" >&2; exit 1 ;;
esac
"""
# In docker's place: the node is there as long as its container runs.
RUNTIME = r"""#!/bin/sh
case $1 in
run)
  . /etc/calico/node.env
  curl -fsS --data "{\"name\": \"$NODENAME\", \"address\": \"$IP\", \"host\": \"$(hostname)\"}" \
    "$ETCD_ENDPOINTS/register"
  mkdir -p /var/lib/calico
  printf %s "$NODENAME" >/var/lib/calico/nodename
  echo started >>/var/log/starts
  exec sleep 100000
  ;;
esac
"""
LATE = 1.5
"""Seconds until a session that may be is."""


class Site:
    """The datastore."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, dict[str, Any]]] = {}
        self.hosts: dict[str, tuple[str, str]] = {}
        self.since: dict[tuple[str, str], tuple[str, float]] = {}
        self.log: list[dict[str, Any]] = []

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.resources.setdefault(kind.lower(), {})

    def write(self, verb: str, document: dict[str, Any]) -> None:
        name = document["metadata"]["name"]
        sessions = {host: self.established(host) for host in self.hosts}
        self.log.append({"verb": verb, "document": document, "before": sessions})
        kind = self.of(document["kind"])
        if verb == "delete":
            del kind[name]
        else:
            kind[name] = document
        self.settle()

    def mesh(self) -> bool:
        spec = self.of("BGPConfiguration").get("default", {}).get("spec", {})
        return bool(spec.get("nodeToNodeMeshEnabled", True))

    def reflects(self, name: str) -> bool:
        return bool(self.of("Node")[name]["spec"]["bgp"].get("routeReflectorClusterID"))

    def labelled(self, name: str) -> bool:
        return self.of("Node")[name]["metadata"].get("labels", {}).get("route-reflector") == "true"

    def settle(self) -> None:
        """Which pairs may have a session now, of which kind, and since when. Of the mesh are those
        that reflect nothing; a peering counts where the mesh has no session of that pair."""
        peering = any("route-reflector" in str(p["spec"]) for p in self.of("BGPPeer").values())
        names = list(self.of("Node"))
        may: dict[tuple[str, str], str] = {}
        for a, b in ((a, b) for a in names for b in names if a != b):
            if self.mesh() and not self.reflects(a) and not self.reflects(b):
                may[a, b] = "node-to-node mesh"
            elif peering and (self.labelled(a) or self.labelled(b)):
                may[a, b] = "node specific"
        now, had = time.monotonic(), self.since
        self.since = {
            pair: had[pair] if pair in had and had[pair][0] == kind else (kind, now)
            for pair, kind in may.items()
        }

    def sessions(self, host: str) -> dict[str, tuple[str, bool]]:
        """The peers' addresses with the session's kind, and whether it is established."""
        name = self.hosts[host][0]
        found = {}
        for (a, b), (kind, since) in self.since.items():
            if a == name:
                address = next(at for other, at in self.hosts.values() if other == b)
                found[address] = (kind, time.monotonic() - since > LATE)
        return found

    def established(self, host: str) -> list[str]:
        return sorted(address for address, (_, up) in self.sessions(host).items() if up)

    def status(self, host: str) -> str:
        if host not in self.hosts:
            return "Calico process is not running.\n"
        rule = "+--------------+-------------------+-------+----------+-------------+\n"
        text = "Calico process is running.\n\nIPv4 BGP status\n" + rule
        text += "| PEER ADDRESS |     PEER TYPE     | STATE |  SINCE   |    INFO     |\n" + rule
        for address, (kind, up) in sorted(self.sessions(host).items()):
            state, info = ("up", "Established") if up else ("start", "Connect")
            text += f"| {address} | {kind} | {state} | 18:00:00 | {info} |\n"
        return text + rule


def merged(base: Any, top: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(base, dict) or not isinstance(top, dict):
        return top
    found = {key: value for key, value in base.items() if top.get(key, "") is not None}
    return {**found, **{k: merged(base.get(k, {}), v) for k, v in top.items() if v is not None}}


class Handler(BaseHTTPRequestHandler):
    site = Site()
    releases: dict[str, bytes] = {}

    def do_GET(self) -> None:
        path = unquote(self.path)
        verb, _, rest = path.strip("/").partition("/")
        if path in self.releases:
            self.answer(self.releases[path])
        elif verb == "get":
            items = list(self.site.of(rest).values())
            self.answer(json.dumps({"kind": f"{rest}List", "items": items}).encode())
        elif verb == "status":
            self.answer(self.site.status(rest).encode())
        elif verb == "log":
            self.answer(json.dumps(self.site.log).encode())
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb, _, rest = unquote(self.path).strip("/").partition("/")
        if verb == "register":
            self.site.hosts[body["host"]] = (body["name"], body["address"])
            if body["name"] not in self.site.of("Node"):
                spec = {"bgp": {"ipv4Address": f"{body['address']}/24"}}
                node = {"kind": "Node", "metadata": {"name": body["name"]}, "spec": spec}
                self.site.of("Node")[body["name"]] = node
            self.site.settle()
        elif verb == "patch":
            kind, _, name = rest.partition("/")
            self.site.write("patch", merged(self.site.of(kind)[name], body))
        else:
            self.site.write("apply", body)
        self.answer(b"Successfully applied\n")

    def do_DELETE(self) -> None:
        _, kind, name = unquote(self.path).strip("/").split("/")
        self.site.write("delete", self.site.of(kind)[name])
        self.answer(b"Successfully deleted\n")

    def answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def releases(versions: list[str]) -> dict[str, bytes]:
    """Path -> content, as the project's releases have it."""
    names = {version: f"/releases/v{version}/calicoctl-linux-amd64" for version in versions}
    found = {name: CALICOCTL.replace("VERSION", v).encode() for v, name in names.items()}
    return {**found, "/runtime": RUNTIME.encode()}


if __name__ == "__main__":
    Handler.releases = releases(sys.argv[2:])
    server = ThreadingHTTPServer((sys.argv[1], 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
