"""What a host needs before its Calico is asked: calicoctl, its configuration, the node's unit."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from pyinfra.operations import files, server, systemd

from netwright.installs.calico import CFG, CNI, ENVIRONMENT, Calico, cfg, cni, environment, inputs
from netwright.installs.calico_evidence import Evidence

__all__ = ["install"]

OPT = "/opt/netwright"
CTL = "/usr/local/bin/calicoctl"


def install(calico: Calico, host: str, address: str, evidence: Evidence, templates: Path) -> None:
    """What is fetched comes first: a mirror that is down, or a wrong checksum, changes nothing."""
    _program(calico)
    files.directory(name="Configuration's directory", path=str(Path(CFG).parent), mode="755")
    files.put(name="calicoctl's configuration", src=StringIO(cfg(calico)), dest=CFG, mode="644")
    if calico.cni:
        files.directory(name="CNI's directory", path=str(Path(CNI).parent), mode="755")
        files.put(name="CNI", src=StringIO(cni(calico, host)), dest=CNI, mode="644")
    _node(calico, host, address, evidence, templates)


def _program(calico: Calico) -> None:
    """The checksum is in the file's name: another version is another file."""
    target = f"{OPT}/calicoctl-{calico.version}-{calico.calicoctl.sha256[:12]}"
    files.directory(name="Releases", path=OPT, mode="755")
    files.download(
        name="calicoctl fetched",
        src=calico.calicoctl.address(calico.version),
        dest=target,
        sha256sum=calico.calicoctl.sha256,
        mode="755",
    )
    files.link(name="calicoctl", path=CTL, target=target)


def _node(calico: Calico, host: str, address: str, evidence: Evidence, templates: Path) -> None:
    told = environment(calico, host, address)
    known = inputs(calico, host, address)
    text = "".join(f"{name}={value}\n" for name, value in told.items())
    files.put(name="Node's environment", src=StringIO(text), dest=ENVIRONMENT, mode="644")
    unit = files.template(
        name="Node's unit",
        src=str(templates / "calico-node.service.j2"),
        dest="/etc/systemd/system/calico-node.service",
        mode="644",
        version=calico.version,
        image=calico.image.format(version=calico.version),
        runtime=calico.runtime,
        environment=ENVIRONMENT,
        pki=str(Path(calico.etcd.ca).parent) if calico.etcd.ca else "",
        inputs=known,
    )
    systemd.daemon_reload(name="Node's unit read", _if=unit.did_change)
    # By what the running one was told: a run that broke off after it had written is made good.
    if evidence.inputs != known or not evidence.active or not evidence.enabled:
        server.shell(
            name="Node started",
            commands=[
                "systemctl enable --quiet calico-node.service"
                " && systemctl restart calico-node.service"
            ],
        )
