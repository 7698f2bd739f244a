"""The docs site builds without a warning, and what the docs tell to run can be run."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from netwright.commands import main
from netwright.links.options import Options

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


def test_jobs_wait_for_jobs_that_there_are():
    github = yaml.safe_load((ROOT / "docs/ci/github-actions.yml").read_text())["jobs"]
    gitlab = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text())
    jobs = {name: item for name, item in gitlab.items() if "script" in item}
    assert {"lint", "lab", "staging"} <= set(github)
    assert {item["stage"] for item in jobs.values()} == set(gitlab["stages"])
    for known in (github, jobs):
        for item in known.values():
            needs = item.get("needs", [])
            assert {needs} <= set(known) if isinstance(needs, str) else set(needs) <= set(known)


def test_the_template_of_a_new_kind_is_one():
    """As CONTRIBUTING.md has it: a room that loads, with the marks that links of all kinds read."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
    room = {"__name__": "dummy2"}
    exec(compile(code, "CONTRIBUTING.md", "exec", dont_inherit=True), room)
    kind = room["Dummy2"]
    assert issubclass(kind, Options)
    assert kind(id=5, ageing=3).model_dump(exclude_none=True) == {"id": 5, "ageing": 3}
    with pytest.raises(ValueError, match="4094"):
        kind(id=5000)
    marks = {name for name in vars(Options) if name.isupper()}
    assert {"IDENTITY", "REQUIRED", "PARENT"} <= marks
    assert {name for name in vars(kind) if name.isupper()} <= marks
    for name in ("netwright/links/link.py", "operations/link.py", "tests/golden"):
        assert (ROOT / name).exists()


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
