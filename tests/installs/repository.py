"""A signed repository of packages as docker-ce has one, out of Debian's own programs."""

from __future__ import annotations

import functools
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from netwright.lab.packages import stanza

__all__ = ["Key", "again", "empty", "publish", "served"]


class Key:
    """A key of its own, in a keyring of its own."""

    def __init__(self, home: Path, name: str) -> None:
        home.mkdir(mode=0o700)
        self.home, self.name = home, name
        self.gpg("--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")

    def gpg(self, *words: str | Path) -> str:
        done = subprocess.run(
            ["gpg", "--batch", "--quiet", "--homedir", self.home, *words],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return done.stdout

    def export(self, file: Path) -> Path:
        """The public half, armored."""
        file.write_text(self.gpg("--armor", "--export", self.name))
        return file

    def close(self) -> None:
        """End the agent that gpg has started for the keyring."""
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=True)


def again(tree: Path, target: Path, **fields: str) -> Path:
    """A package of an unpacked tree, with other fields; an empty one takes a field away.

    + tree: what `dpkg-deb -R` made
    """
    control = tree / "DEBIAN/control"
    text = control.read_text()
    for name, value in fields.items():
        field = name.replace("_", "-")
        text = re.sub(rf"(?m)^{field}:.*\n(?: .*\n)*", "", text)
        if value:
            text = f"{field}: {value}\n{text}"
    control.write_text(text)
    version = fields["Version"].replace(":", "%3a")
    deb = target / f"{fields['Package']}_{version}.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", tree, deb], check=True, capture_output=True)
    return deb


def empty(tree: Path, target: Path, **fields: str) -> Path:
    """A package with nothing in it."""
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Architecture: amd64\nMaintainer: nobody\nDescription: nothing\n"
    )
    return again(tree, target, **fields)


def publish(root: Path, suite: str, key: Key) -> None:
    """Make the packages in a directory a repository with one component, `stable`."""
    index = root / f"dists/{suite}/stable/binary-amd64/Packages"
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_text("\n".join(stanza(deb) for deb in sorted(root.glob("*.deb"))))
    name = index.relative_to(root / f"dists/{suite}")
    digest = sha256(index.read_bytes()).hexdigest()
    release = root / f"dists/{suite}/Release"
    release.write_text(
        f"Origin: test\nSuite: {suite}\nCodename: {suite}\nArchitectures: amd64\n"
        "Components: stable\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n"
        f"SHA256:\n {digest} {index.stat().st_size} {name}\n"
    )
    signed = release.with_name("InRelease")
    signed.unlink(missing_ok=True)
    key.gpg("--local-user", key.name, "--output", signed, "--clearsign", release)


@contextmanager
def served(directory: Path, address: str) -> Iterator[str]:
    """A directory over HTTP; its URL."""
    handler = functools.partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{address}:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""
