"""What is declared of Calico, what of it differs from the datastore, and in which order it goes."""

import json

import pytest

from netwright.errors import DeclarationError
from netwright.facts.calico import CalicoNode, CalicoPeers, CalicoPools
from netwright.installs.calico import Calico, cfg, cni, documents, environment, inputs, problems
from netwright.installs.calico_evidence import KINDS, Evidence, Peer, parse
from netwright.installs.calico_plan import plan, refused
from netwright.installs.read import MARK, read

HOSTS = ["c0", "c1", "c2"]
CTL = {"url": "https://mirror.example/calico", "sha256": "a" * 64}
PKI = {"ca": "/etc/etcd/pki/ca.pem", "cert": "/etc/etcd/pki/m.pem", "key": "/etc/etcd/pki/m.key"}


def _calico(**data):
    base = {"version": "3.31.7", "calicoctl": CTL, "etcd": {"endpoints": ["http://192.0.2.1:2379"]}}
    return read(Calico, "calico", {**base, **data})


def _wrong(**data):
    try:
        return [str(problem) for problem in problems(_calico(**data), HOSTS)]
    except DeclarationError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"version": "latest"}, "calico.version"),
        ({"calicoctl": {**CTL, "sha256": "abc"}}, "calico.calicoctl.sha256"),
        ({"etcd": {"endpoints": []}}, "calico.etcd.endpoints"),
        ({"etcd": {"endpoints": ["https://192.0.2.1:2379"]}}, "https needs ca, cert and key"),
        ({"etcd": {"endpoints": ["http://a:1"], "ca": "/x"}}, "ca, cert and key go together"),
        ({"reflectors": ["c9"]}, "calico.reflectors.c9: is no host here: c0, c1, c2"),
        ({"pools": {"p": {"cidr": "10.65.0.0/24", "block_size": 22}}}, "a /22 is larger than"),
        (
            {"pools": {"p": {"cidr": "10.65.0.0/16"}, "q": {"cidr": "10.65.4.0/24"}}},
            "calico.pools.q.cidr: 10.65.4.0/24 overlaps 10.65.0.0/16 of p",
        ),
        ({"bgp": {"nodeToNodeMeshEnabled": False}}, "is told by `asn` and `reflectors`"),
    ],
)
def test_what_is_wrong_is_named(data, said):
    found = _wrong(**data)
    assert any(said in line for line in found), found


def test_calicoctl_is_pinned_below_any_base():
    url = _calico().calicoctl.address("3.31.7")
    assert url == "https://mirror.example/calico/v3.31.7/calicoctl-linux-amd64"


def test_what_the_programs_read():
    calico = _calico(etcd={"endpoints": ["https://a:2379", "https://b:2379"], **PKI})
    spec = json.loads(cfg(calico))["spec"]
    assert spec["datastoreType"] == "etcdv3"
    assert spec["etcdEndpoints"] == "https://a:2379,https://b:2379"
    assert spec["etcdKeyFile"] == "/etc/etcd/pki/m.key"
    told = environment(calico, "c0", "192.0.2.1")
    assert told["NODENAME"] == "c0"
    assert told["IP"] == "192.0.2.1"
    assert told["NO_DEFAULT_POOLS"] == "true"
    assert told["ETCD_CERT_FILE"] == "/etc/etcd/pki/m.pem"
    (plugin, _) = json.loads(cni(calico, "c0"))["plugins"]
    assert plugin["ipam"] == {"type": "calico-ipam"}
    assert plugin["etcd_ca_cert_file"] == "/etc/etcd/pki/ca.pem"


def test_a_node_starts_again_for_its_inputs_alone():
    known = inputs(_calico(), "c0", "192.0.2.1")
    assert inputs(_calico(pools={"p": {"cidr": "10.65.0.0/16"}}), "c0", "192.0.2.1") == known
    for other in (
        inputs(_calico(version="3.31.8"), "c0", "192.0.2.1"),
        inputs(_calico(environment={"FELIX_LOGSEVERITYSCREEN": "Warning"}), "c0", "192.0.2.1"),
        inputs(_calico(), "c0", "192.0.2.2"),
    ):
        assert other != known


def _live(calico, nodes=(), **more):
    found = {(each["kind"], each["metadata"]["name"]): each for each in documents(calico)}
    for name in nodes:
        found["Node", name] = {"metadata": {"name": name}, "spec": {"bgp": {}}}
    return {**found, **more}


def _steps(calico, live):
    return [f"{step.kind} {step.name}" for step in plan(calico, HOSTS, live)]


POOL = {"pools": {"p": {"cidr": "10.65.0.0/16"}}, "felix": {"bpfEnabled": False}}


def test_only_what_differs_is_applied():
    calico = _calico(**POOL)
    assert _steps(calico, {}) == [
        "apply IPPool p", "apply FelixConfiguration default", "apply BGPConfiguration default",
    ]  # fmt: skip
    live = _live(calico, HOSTS)
    assert _steps(calico, live) == []
    live["IPPool", "p"]["spec"]["allowedUses"] = ["Workload"]
    assert _steps(calico, live) == [], "what Calico adds by itself is not declared"
    (step,) = plan(_calico(**{**POOL, "felix": {"bpfEnabled": True}}), HOSTS, live)
    assert str(step) == "apply FelixConfiguration default: bpfEnabled False -> True"


def test_what_others_put_into_a_spec_stays():
    calico = _calico(**POOL)
    live = _live(calico)
    live["IPPool", "p"]["spec"] |= {"natOutgoing": False, "allowedUses": ["Workload"]}
    (step,) = plan(calico, HOSTS, live)
    assert step.document["spec"]["allowedUses"] == ["Workload"]
    assert step.document["spec"]["natOutgoing"] is True


def test_the_mesh_ends_last_and_when_the_reflectors_sessions_are_there():
    steps = plan(_calico(reflectors=["c0"]), HOSTS, _live(_calico(), HOSTS))
    assert [(f"{step.kind} {step.name}", step.gate) for step in steps] == [
        ("apply BGPPeer netwright-reflectors", ()),
        ("patch Node c0", ()),
        ("patch Node c0", ("c0",)),
        ("apply BGPConfiguration default", ("c0",)),
    ]
    assert "routeReflectorClusterID" in str(steps[2].document)
    assert steps[3].document["spec"]["nodeToNodeMeshEnabled"] is False


def test_the_mesh_is_there_before_the_reflectors_go():
    live = _live(_calico(reflectors=["c0"]), HOSTS)
    live["Node", "c0"]["metadata"]["labels"] = {"route-reflector": "true"}
    live["Node", "c0"]["spec"]["bgp"]["routeReflectorClusterID"] = "244.0.0.1"
    steps = plan(_calico(), HOSTS, live)
    assert [(f"{step.kind} {step.name}", step.gate) for step in steps] == [
        ("apply BGPConfiguration default", ()),
        ("patch Node c0", ("c0", "c1", "c2")),
        ("delete BGPPeer netwright-reflectors", ("c0", "c1", "c2")),
    ]


def test_a_live_pool_and_a_known_host_keep_what_they_are():
    live = _live(_calico(**POOL))
    seen = {"c0": Evidence(nodename="c0.example.net", resources=live)}
    changed = _calico(pools={"p": {"cidr": "10.70.0.0/16", "block_size": 24}})
    found = [str(each) for each in refused(changed, seen)]
    assert len(found) == 3
    assert "calico.hosts.c0.nodename: c0: the host has been c0.example.net" in found[0]
    assert "calico.pools.p.cidr: 10.70.0.0/16: the live pool has 10.65.0.0/16" in found[1]
    assert "calico.pools.p.block_size: 24: the live pool has 26" in found[2]
    beside = _calico(pools={"q": {"cidr": "10.65.9.0/24"}})
    (line,) = refused(beside, {"c0": Evidence(resources=live)})
    assert "calico.pools.q.cidr: 10.65.9.0/24 overlaps 10.65.0.0/16 of p" in str(line)


STATUS = """Calico process is running.

IPv4 BGP status
+--------------+-------------------+-------+----------+-------------+
| PEER ADDRESS |     PEER TYPE     | STATE |  SINCE   |    INFO     |
+--------------+-------------------+-------+----------+-------------+
| 192.0.2.11   | node-to-node mesh | up    | 23:30:04 | Established |
| 192.0.2.12   | node specific     | start | 23:30:04 | Connect     |
+--------------+-------------------+-------+----------+-------------+

IPv6 BGP status
No IPv6 peers found.
"""


def _shown(**resources):
    parts = {
        "version": "Client Version:    v3.31.7\nGit commit:        1234",
        "unit": "ActiveState=active\nUnitFileState=enabled\nMainPID=7",
        "inputs": "0123",
        "nodename": "c0",
        "status": STATUS,
        **{kind: json.dumps({"items": resources.get(kind, [])}) for kind in KINDS},
        "end": "",
    }
    return "".join(f"\n{MARK}{name}\n{text}\n" for name, text in parts.items()).splitlines()


def test_what_a_host_shows():
    pool = {"kind": "IPPool", "metadata": {"name": "p"}, "spec": {"cidr": "10.65.0.0/16"}}
    shown = _shown(IPPool=[pool])
    found = parse(shown)
    assert (found.version, found.active, found.enabled, found.inputs) == (
        "3.31.7", True, True, "0123",
    )  # fmt: skip
    assert found.peers == (
        Peer("192.0.2.11", "node-to-node mesh", "up", "Established"),
        Peer("192.0.2.12", "node specific", "start", "Connect"),
    )
    assert found.established("192.0.2.11")
    assert not found.established("192.0.2.12")
    assert found.resources == {("IPPool", "p"): pool}
    assert CalicoPools().process(shown) == {"p": {"cidr": "10.65.0.0/16"}}
    assert CalicoPeers().process(shown)["192.0.2.12"]["info"] == "Connect"
    assert CalicoNode().process(shown)["status"] == "Calico process is running."
    silent = parse([line for line in shown if '"items"' not in line])
    assert silent.resources is None
