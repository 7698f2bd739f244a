"""JSON Schema of a declaration, for editors: what `load` accepts, with a word on every key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netwright.links.link import KINDS
from netwright.links.options import Ip, Options
from netwright.links.port import Port
from netwright.schema_words import WORDS
from netwright.state import NetworkState

__all__ = ["ID", "schema"]

Json = dict[str, Any]

ID = "https://json-schema.org/draft/2020-12/schema"

_OPTIONS: Mapping[str, type[Options]] = {**KINDS, "bridge_slave": Port}
_VALUE: Json = {"type": ["string", "integer", "boolean"]}
_TABLE: Json = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 0xFFFFFFFF},
        # One of the kernel's names, or of `tables`.
        {"type": "string"},
    ]
}
_RULES: Json = {"type": "array", "items": {"type": "string"}}
_FORMS: Mapping[tuple[str, str], Json] = {
    ("Route", "table"): _TABLE,
    ("Rule", "table"): _TABLE,
    ("Vrf", "table"): _TABLE,
    ("Rule", "fwmark"): {"type": ["string", "integer"]},
    ("Link", "kind"): {"enum": list(KINDS)},
    ("Namespace", "sysctl"): {"type": "object", "additionalProperties": _VALUE},
    ("Link", "ipv4"): {"type": "object", "additionalProperties": _VALUE},
    ("Link", "ipv6"): {"type": "object", "additionalProperties": _VALUE},
    ("Check", "listen"): {
        "anyOf": [
            {"$ref": "#/$defs/Listen"},
            {"type": "array", "items": {"$ref": "#/$defs/Listen"}},
        ]
    },
}
"""Where more is accepted than the type that comes of it: a number, a name, one for a list."""


def schema() -> Json:
    """The schema, as JSON has it.

    Example:

        >>> sorted(schema()["properties"])[:3]
        ['checks', 'ip6tables', 'iptables']
    """
    found = NetworkState.model_json_schema(by_alias=True)
    models: Json = found["$defs"]
    root: Json = {**found, "properties": dict(found["properties"])}
    del root["$defs"], root["properties"]["state"]
    for name, model in (*models.items(), ("NetworkState", root)):
        _describe(name, model)
    return {
        "$schema": ID,
        **root,
        "title": "A host's network",
        "$defs": {name: _strict(model) for name, model in sorted(models.items())},
    }


def _describe(name: str, model: Json) -> None:
    model.pop("title", None)
    model["description"] = " ".join(str(model["description"]).split())
    for key, field in list(model["properties"].items()):
        model["properties"][key] = _strict(_field(name, key, field))


def _field(model: str, key: str, field: Json) -> Json:
    owner = "Namespace" if model == "NetworkState" and (model, key) not in WORDS else model
    form = _FORMS.get((owner, key))
    plain = {name: part for name, part in field.items() if name not in ("title", "default")}
    if form is not None:
        plain = {"anyOf": [form, {"type": "null"}]}
    if key in ("iptables", "ip6tables"):
        plain = _tables()
    return {"description": WORDS.get((owner, key)) or _words_of_ip(model, key), **plain}


def _words_of_ip(model: str, key: str) -> str:
    """For a kind, and for its options: how iproute2 says it."""
    if model == "Link" and key in KINDS:
        return f"What a link of kind {key} says about itself."
    for kind, options in _OPTIONS.items():
        if options.__name__ == model:
            ip = next(
                (item for item in options.model_fields[key].metadata if isinstance(item, Ip)), Ip()
            )
            unit = ", in seconds" if ip.scale == 100 else ""
            return f"`{ip.arg or key}` of `ip link ... type {kind}`{unit}; see ip-link(8)."
    return ""


def _tables() -> Json:
    """With the short form of a chain, and `file`, which is read before anything else."""
    chains = {"type": ["object", "null"], "additionalProperties": _chain()}
    tables = ("raw", "mangle", "nat", "filter", "security")
    what = "The path of a file of iptables-save; what is declared beside it counts for its chain."
    properties = {**dict.fromkeys(tables, chains), "file": {"type": "string", "description": what}}
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _chain() -> Json:
    return {"anyOf": [{"$ref": "#/$defs/Chain"}, _RULES, {"type": "null"}]}


def _strict(part: Any) -> Any:
    """Names that match no pattern are refused; a thing with nothing behind its name is `{}`; 0 and
    1 do for a flag."""
    if isinstance(part, list):
        return [_strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _strict(value) for key, value in part.items()}
    if found.get("type") == "boolean":
        found |= {"type": ["boolean", "integer"], "minimum": 0, "maximum": 1}
    if "patternProperties" in found:
        patterns = {
            pattern: {"anyOf": [form, {"type": "null"}]} if "$ref" in form else form
            for pattern, form in found["patternProperties"].items()
        }
        found |= {"patternProperties": patterns, "additionalProperties": False}
    return found
