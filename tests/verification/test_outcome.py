"""What is made of what the tools say: the cases stand in outcomes.yaml."""

from pathlib import Path

import pytest
import yaml

from netwright.verification.outcome import Attempt, Outcome, outcome, summary

CASES = yaml.safe_load(Path(__file__).with_name("outcomes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kind", "case"), [(kind, case) for kind, cases in CASES.items() for case in cases]
)
def test_tells_them_apart(kind, case):
    attempt = Attempt(case["rc"], case.get("out", ""), case.get("err", ""))
    assert outcome(kind, attempt).result == case["result"]


def test_a_tool_that_is_missing_is_never_a_result():
    for kind in CASES:
        for words in ("sh: 1: x: not found", 'exec of "x" failed: No such file or directory', ""):
            assert outcome(kind, Attempt(127, "", words)).result == "error"


def test_what_the_other_side_sent_is_the_answer():
    assert outcome("tcp", Attempt(0, "connected\nhello", "")).answer == "hello"
    assert outcome("tcp", Attempt(0, "hello", "")).answer == "hello"
    assert outcome("http", Attempt(0, "hello", "< HTTP/1.0 200 OK")).answer == "hello"


def test_several_requests_are_ok_only_together():
    ok, lost = Outcome("ok"), Outcome("timeout", "no answer")
    assert summary([ok, ok]).result == "ok"
    assert summary([lost, lost]).result == "timeout"
    assert summary([ok, lost, ok]) == Outcome("partly", "2 ok, 1 timeout; no answer")
