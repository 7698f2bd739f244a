"""The docs site builds without a warning, and what the docs tell to run can be run."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from netwright.commands import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.*")]
TEXTS = [path for path in PAGES if path.suffix in (".md", ".yml", ".service")]


def test_the_site_builds_without_a_warning(tmp_path):
    pages, site = tmp_path / "pages", tmp_path / "site"
    subprocess.run([sys.executable, "scripts/docs.py", str(pages)], cwd=ROOT, check=True)
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    (tmp_path / "mkdocs.yml").write_text(yaml.dump({**config, "docs_dir": str(pages)}))
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    reference = (site / "reference/declaration/index.html").read_text()
    for key in ("hairpin", "vlan_filtering", "source_seen", "policy"):
        assert f"<code>{key}</code>" in reference
    commands = (site / "reference/commands/index.html").read_text()
    for verb in main.list_commands(click.Context(main)):
        assert f"netwright {verb}" in commands


def _said():
    """Each `netwright VERB ...` of the docs, with the options it is given."""
    for path in TEXTS:
        for verb, rest in re.findall(r"bin/netwright (\w+)([^\n|>&]*)", path.read_text()):
            yield path.name, verb, re.findall(r"(?<= )--?[a-z-]+", rest)


SAID = sorted({(name, verb, *options) for name, verb, options in _said()})


@pytest.mark.parametrize("said", SAID, ids=" ".join)
def test_commands_of_the_docs_have_these_options(said):
    _, verb, *options = said
    command = main.get_command(click.Context(main), verb)
    assert command is not None, verb
    known = {option for item in command.params for option in (*item.opts, *item.secondary_opts)}
    assert set(options) <= known | ({"--all"} if verb == "lab" else set())


def test_there_is_something_to_try():
    assert {verb for _, verb, *_ in SAID} >= {"lab", "lint", "plan", "rollout", "watch"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs/ci").glob("*.yml")), ids=lambda path: path.stem
)
def test_pipelines_are_yaml_with_junit(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)
    assert "--junit-xml network.xml" in path.read_text()


def _help(command, context):
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from _help(inner, click.Context(inner, info_name=name, parent=context))


HELP = dict(_help(main, click.Context(main, info_name="netwright")))


@pytest.mark.parametrize(
    "verb", [name for name in HELP if name.count(" ") == 1 and name != "netwright lab"]
)
def test_help_teaches_with_an_example_and_tells_the_exit_status(verb):
    assert re.search(rf"^ +{verb}\b", HELP[verb], re.M), HELP[verb]
    assert "Exit status:" in HELP[verb]
