"""The core does no I/O and knows nothing of pyinfra or of the folders around it."""

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "netwright"
ROOMS = sorted(
    [*CORE.glob("*.py"), *(CORE / "links").glob("*.py"), *(CORE / "installs").glob("*.py")]
)
# What a pure module may import besides itself.
ALLOWED = {
    "__future__", "abc", "bisect", "collections", "contextlib", "dataclasses", "difflib", "enum",
    "cryptography", "datetime", "fnmatch", "functools",
    "hashlib", "html", "ipaddress", "itertools", "json", "operator", "re", "shlex", "string",
    "textwrap",
    "typing", "pydantic", "pydantic_core", "typing_extensions", "yaml", "base64", "zlib",
}  # fmt: skip
AROUND = {"facts", "operations", "deploys", "lab", "verification", "commands"}


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("open", "print"):
            yield f"builtins.{node.func.id}"


def test_there_are_rooms():
    assert len(ROOMS) > 20


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.relative_to(CORE).as_posix())
def test_imports_only_what_is_pure(path):
    for name in _imported(path):
        first, _, rest = name.partition(".")
        if first == "netwright":
            assert rest.partition(".")[0] not in AROUND, f"{path.name} imports {name}"
        else:
            assert first in ALLOWED, f"{path.name} uses {name}"
