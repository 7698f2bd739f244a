"""Scripts that go as one command, run by a shell."""

import subprocess

from netwright.together import apart, together


def _run(scripts):
    done = subprocess.run(
        ["sh"], input=together(scripts), capture_output=True, text=True, check=True
    )
    return apart(done.stdout.splitlines())


def test_each_has_its_output():
    found = _run({"a": "echo 1\necho 2", "b": "cat <<'END'\nthree\nEND", "c": "printf four # end"})
    assert {name: list(filter(None, lines)) for name, lines in found.items()} == {
        "a": ["1", "2"],
        "b": ["three"],
        "c": ["four"],
    }


def test_what_fails_takes_no_other_with_it():
    found = _run({"a": "cd /tmp; x=1; exit 3", "b": 'echo "$x$(pwd)"; cat', "c": "nonsense 2>&-"})
    assert list(found) == ["b"]
    assert list(filter(None, found["b"])) == [subprocess.check_output(["pwd"], text=True).strip()]


def test_what_was_cut_off_is_not_there():
    assert apart(["1", "=netwright-script= a 0", "2"]) == {"a": ["1"]}
