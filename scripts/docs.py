"""What the docs site is built of: the pages of docs/, the files beside the README, and a reference
made of docstrings, the schema and the commands' help. Written to build/docs; see `make docs`."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from netwright import operations
from netwright.commands import main as netwright
from netwright.schema import schema

ROOT = Path(__file__).parents[1]
BESIDE = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE")
SHARED = {"confirm", "converge", "declared", "entry", "part"}


def main(target: Path) -> None:
    """Writes every page anew."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    (target / "reference").mkdir(parents=True)
    (target / "index.md").write_text(_links((ROOT / "README.md").read_text()))
    for name in BESIDE:
        page = f"{Path(name).stem}.md"
        (target / page).write_text(_links((ROOT / name).read_text()))
    (target / "howto").mkdir()
    for path in sorted((ROOT / "inventories").glob("[a-z]*.py")):
        (target / "howto" / f"{path.stem}.md").write_text("\n".join(_howto(path)) + "\n")
    for page, lines in (
        ("declaration", _declaration()),
        ("commands", _commands()),
        ("operations", _operations()),
    ):
        (target / "reference" / f"{page}.md").write_text("\n".join(lines) + "\n")


def _howto(path: Path) -> Iterator[str]:
    """A scenario: what it is, how it is run, and the whole of it, which the tests run as well."""
    text = path.read_text()
    tree = ast.parse(text)
    said = ast.get_docstring(tree, clean=False) or path.stem
    first, _, rest = said.strip().partition("\n\n")
    title = " ".join(first.split()).partition(": ")[0]
    deploys = re.findall(r"deploys/\w+\.py", said) or ["deploys/network.py"]
    place = f"inventories/{path.name}"
    yield from (f"# {title.rstrip('.')}", "", rest, "", "```sh")
    yield f"pyinfra -y {place} {' '.join(dict.fromkeys(deploys))}"
    yield f"pytest --pyinfra-inventory {place} --verify"
    yield from (f"netwright lab down {place}", "```", "", f"`{place}`:", "", "```python")
    lines = text.splitlines()[tree.body[0].end_lineno :]
    yield "\n".join(lines).strip()
    yield "```"


def _links(text: str) -> str:
    """As seen from the site's root, where docs/ and the README's folder are one."""
    text = text.replace("](docs/", "](").replace("](LICENSE)", "](LICENSE.md)")
    return text.replace("](../", "](")


def _declaration() -> Iterator[str]:
    found = schema()
    yield from ("# The declaration", "", found["description"], "")
    yield "Editors get the same from `netwright schema`. What is not named is not managed."
    models = {"A host": found, **found["$defs"]}
    for name, model in models.items():
        yield from ("", f"## {name}", "", model["description"], "")
        yield from ("| key | what it says | accepted |", "|---|---|---|")
        needed = model.get("required", ())
        for key, field in model["properties"].items():
            mark = " (needed)" if key in needed else ""
            yield f"| `{key}`{mark} | {_cell(field['description'])} | {_cell(_accepted(field))} |"


def _accepted(field: dict[str, Any]) -> str:
    """A form in words."""
    if "anyOf" in field:
        parts = [_accepted(item) for item in field["anyOf"] if item.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("enum", "const"):
        if key in field:
            values = field[key] if isinstance(field[key], list) else [field[key]]
            return ", ".join(f"`{value}`" for value in values if value is not None)
    kinds = field.get("type", "anything")
    if kinds == ["boolean", "integer"]:
        return "true or false"
    if "minimum" in field and "maximum" in field:
        return f"{field['minimum']} to {field['maximum']}"
    if kinds == "array":
        return f"a list of: {_accepted(field.get('items', {}))}"
    if kinds == "object" and "patternProperties" in field:
        return f"by name: {_accepted(next(iter(field['patternProperties'].values())))}"
    names = {"object": "a mapping", "integer": "a whole number", "string": "text"}
    listed = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(names.get(kind, kind) for kind in listed if kind != "null")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _commands() -> Iterator[str]:
    yield from ("# Commands", "")
    with click.Context(netwright, info_name="netwright") as context:
        yield from _command(netwright, context)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield from ("", f"## {context.command_path}", "", "```text")
    yield command.get_help(context)
    yield "```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            with click.Context(inner, info_name=name, parent=context) as below:
                yield from _command(inner, below)


def _operations() -> Iterator[str]:
    yield from ("# Operations", "", "In a deploy of your own; each goes through the same plan.")
    for info in sorted(pkgutil.iter_modules(operations.__path__), key=lambda item: item.name):
        if info.name in SHARED:
            continue
        module = importlib.import_module(f"netwright.operations.{info.name}")
        for name in module.__all__:
            operation = getattr(module, name)
            text = textwrap.dedent(inspect.getdoc(operation) or "")
            yield from ("", f"## {info.name}.{name}", "", _docstring(text))


def _docstring(text: str) -> str:
    """`+ name: what` as a list, and the example as a block of Python."""
    text = re.sub(r"^\+ ([^:]+):", r"- **\1**:", text, flags=re.M)
    return re.sub(r"\.\. code:: python\n\n((?:    .*\n?|\n)+)", _block, text)


def _block(match: re.Match[str]) -> str:
    return f"```python\n{textwrap.dedent(match[1]).strip()}\n```\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
