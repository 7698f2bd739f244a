"""Tables and sets: each rule is there, each chain in order, each set has what is declared."""

from __future__ import annotations

from collections.abc import Iterator

from netwright.ipset import Ipset
from netwright.iptables import FAMILIES, Chain, is_builtin
from netwright.state import Namespace
from netwright.verification.claim import Claim
from netwright.verification.seen import NotThere, Seen

__all__ = ["claims"]


def claims(at: str, netns: str, space: Namespace) -> Iterator[Claim]:
    """One for each policy, rule, chain and set."""
    for name, item in (space.ipsets or {}).items():
        yield from _set(at, netns, name, item)
    for tool in FAMILIES:
        for table, chains in (getattr(space, tool) or {}).items():
            number = 0
            for name, chain in chains.items():
                path = f"{at}{tool}.{table}.{name}"
                yield from _chain(path, netns, f"{tool} {table}", name, chain)
                for index, text in enumerate(chain.rules or ()):
                    number += 1
                    yield _rule(f"{path}.rules[{index}] {text}", netns, f"{tool} {table}", number)


def _rule(path: str, netns: str, part: str, number: int) -> Claim:
    def find(seen: Seen) -> str:
        lines = seen.space(netns).text(f"{part} rules").splitlines()
        if len(lines) < number:
            raise NotThere("it was not looked for")
        words = lines[number - 1].split(" ", 1)[1]
        return "there" if words == "yes" else f"not there: {words}"

    return Claim(path, "there", find)


def _chain(path: str, netns: str, part: str, name: str, chain: Chain) -> Iterator[Claim]:
    table = part.split(" ")[1]
    builtin = is_builtin(table, name)

    def there(seen: Seen) -> str:
        lines = seen.space(netns).text(part).splitlines()
        return "present" if f"-N {name}" in lines else "absent"

    def policy(seen: Seen) -> str:
        lines = seen.space(netns).text(part).splitlines()
        return next((line.split(" ")[2] for line in lines if line.startswith(f"-P {name} ")), "")

    if not builtin:
        yield Claim(path, "absent" if chain.state == "absent" else "present", there)
    if chain.policy is not None:
        yield Claim(f"{path}.policy", chain.policy, policy)
    if chain.rules:
        yield _order(f"{path}.rules", netns, part, name, whole=not builtin or bool(chain.exclusive))


def _order(path: str, netns: str, part: str, name: str, whole: bool) -> Claim:
    """Of a chain of ours all lines, of a built-in one those that are ours, in order."""

    def lines(seen: Seen, where: str) -> list[str]:
        text = seen.space(netns).text(where)
        return [line for line in text.splitlines() if line.startswith(f"-A {name} ")]

    def find(seen: Seen) -> str:
        live, wanted = lines(seen, part), lines(seen, f"{part} aside")
        if whole:
            return "in order" if live == wanted else f"{len(live)} lines, not the declared ones"
        rest = iter(live)
        return "in order" if all(line in rest for line in wanted) else "in another order"

    return Claim(path, "in order", find)


def _set(at: str, netns: str, name: str, item: Ipset) -> Iterator[Claim]:
    path, part = f"{at}ipsets.{name}", f"ipset {name}"

    def kind(seen: Seen) -> str:
        for line in seen.space(netns).text(part).splitlines():
            if line.startswith("Type: "):
                return line.removeprefix("Type: ")
        return "absent"

    def entries(seen: Seen) -> tuple[str, ...]:
        text = seen.space(netns).text(part)
        return tuple(text.partition("Members:\n")[2].split("\n")) if "Members:\n" in text else ()

    def missing(seen: Seen) -> str:
        try:
            return kind(seen)
        except NotThere:
            return "absent"

    if item.state == "absent":
        yield Claim(path, "absent", missing)
        return
    yield Claim(path, str(item.type), kind)
    if item.entries is not None:
        yield Claim(f"{path}.entries", True, lambda seen: _same(seen, netns, part, entries(seen)))


def _same(seen: Seen, netns: str, part: str, live: tuple[str, ...]) -> bool:
    wanted = seen.space(netns).text(f"{part} aside").splitlines()
    found = [line for line in live if line]
    extra = [line for line in found if line not in wanted]
    missing = [line for line in wanted if line not in found]
    if extra or missing:
        raise NotThere(f"missing: {', '.join(missing) or 'none'}; too many: {', '.join(extra)}")
    return True
