"""What of YAML a declaration may use: anchors, and mappings merged by `<<`."""

import pytest

from netwright.document import parse_yaml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a {x: 1}\nb: *a\n", {"a": {"x": 1}, "b": {"x": 1}}),
        # Its own keys win, wherever `<<` stands.
        ("a: &a {x: 1, y: 1}\nb: {y: 2, <<: *a}\n", {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}}),
        # Of several the first that has a key.
        ("a: {<<: [{x: 1}, {x: 2, y: 2}]}", {"a": {"x": 1, "y": 2}}),
        # A merge of a merge.
        (
            "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n",
            {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 2, "z": 3}},
        ),
        # An anchor that is used above the depth at which it stands.
        ("a: {b: &b {<<: {x: 1}, x: 2}}\nc: {<<: *b}\n", {"a": {"b": {"x": 2}}, "c": {"x": 2}}),
        ("a: {<<: {}}", {"a": {}}),
    ],
)
def test_mappings_are_merged(text, expected):
    assert parse_yaml(text) == expected
