"""What makes a host out of the root image: its name, its keys, its neighbours' names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from netwright.lab import places
from netwright.lab.spec import HostSpec, LabSpec

__all__ = ["client_files", "host_key", "key", "seed"]

ADMIN = 1000  # as root.sh makes it

# Each boot starts all of systemd's at once; an emulated machine is busy for seconds with those that
# look for disks, consoles and states that no host of a lab has. systemd.mask= takes debug's.
GENERATORS = (
    *("bless-boot", "cryptsetup", "getty", "gpt-auto", "hibernate-resume"),
    *("integritysetup", "rc-local", "run", "system-update", "veritysetup"),
)


def key() -> Path:
    """The machine's key for its labs; made at the first call."""
    return _keygen(places.ssh_key(), "netwright-lab")


def host_key(lab: LabSpec, host: HostSpec) -> Path:
    """A host's own key, made before its first boot: known from the first connection on."""
    return _keygen(places.lab_dir(lab.name) / "host_keys" / host.name, host.name)


def seed(lab: LabSpec, host: HostSpec, upper: Path) -> None:
    """Write the host's own files into its disk.

    Args:
        lab: its neighbours.
        host: its name and key.
        upper: the writable layer of its disk.
    """
    # The layer's own modes count, not those of the image under it.
    etc = upper / "etc"
    for directory in (upper, etc, etc / "ssh", upper / "home"):
        _directory(directory, 0o755)
    places.write(etc / "hostname", f"{host.name}\n")
    places.write(etc / "machine-id", f"{lab.uuid(host)}\n")
    places.write(etc / "hosts", "127.0.0.1 localhost\n::1 localhost\n" + _names(lab))
    generators = etc / "systemd" / "system-generators"
    for directory in (generators.parent, generators):
        _directory(directory, 0o755)
    for name in GENERATORS:
        (generators / f"systemd-{name}-generator").symlink_to("/dev/null")
    private = host_key(lab, host)
    for file in (private, private.with_suffix(".pub")):
        shutil.copyfile(file, etc / "ssh" / f"ssh_host_ed25519_key{file.suffix}")
    (etc / "ssh" / "ssh_host_ed25519_key").chmod(0o600)
    public = key().with_suffix(".pub").read_text()
    _authorize(upper / "root", 0, public)
    _authorize(upper / "home" / "admin", ADMIN, public)


def client_files(lab: LabSpec) -> None:
    """Write known_hosts and a configuration for plain ssh, testinfra and pyinfra."""
    places.write(
        places.known_hosts(lab.name),
        "".join(
            f"{host.address},{host.address6},{host.name} {' '.join(public.split()[:2])}\n"
            for host in lab.hosts
            for public in [host_key(lab, host).with_suffix(".pub").read_text()]
        ),
    )
    entries = [
        f"Host {host.name}\n    HostName {host.address}\n    HostKeyAlias {host.address}\n"
        for host in lab.hosts
    ]
    # First come, first served in ssh_config: the general part stands last.
    entries.append(
        f"Host *\n    User root\n    IdentityFile {key()}\n    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {places.known_hosts(lab.name)}\n"
        "    StrictHostKeyChecking yes\n    ConnectTimeout 60\n    LogLevel ERROR\n"
    )
    places.write(places.ssh_config(lab.name), "\n".join(entries))


def _names(lab: LabSpec) -> str:
    return "".join(
        f"{address} {host.name}\n"
        for host in lab.hosts
        for address in (host.address, host.address6)
    )


def _authorize(home: Path, owner: int, public: str) -> None:
    ssh = home / ".ssh"
    _directory(home, 0o700)
    _directory(ssh, 0o700)
    places.write(ssh / "authorized_keys", public)
    for path in (home, ssh, ssh / "authorized_keys"):
        os.chown(path, owner, owner)


def _directory(path: Path, mode: int) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(mode)


def _keygen(path: Path, comment: str) -> Path:
    if not path.with_suffix(".pub").exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
    return path
