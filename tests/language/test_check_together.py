"""What no single file shows is found, whether files are checked now or come from a cache."""

from __future__ import annotations

from engine.language.compile import compile_sources
from engine.language.text import Source
from tests.language.checking import KNOWN

RULE = "policy {} {{ default allow rule r {{ when {} then deny }} }}"


class Memory:
    """A cache in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.kept[name] = data


def found(cache: Memory, **texts: str) -> list[str]:
    """Return codes and places found when *texts* are compiled with *cache*."""
    sources = [Source(f"{name}.pol", text) for name, text in texts.items()]
    return [f"{one.code} {one.span}" for one in compile_sources(sources, KNOWN, cache).diagnostics]


def test_what_nothing_uses_is_found_again_from_the_cache() -> None:
    cache = Memory()
    texts = {
        "a": "let used = 1 let unused = 2",
        "b": RULE.format("p", "session.turn > used"),
    }
    assert found(cache, **texts) == ["W720 a.pol:1:18"]
    assert found(cache, **texts) == ["W720 a.pol:1:18"]
    changed = texts | {"b": RULE.format("p", "session.turn > unused")}
    assert found(cache, **changed) == ["W720 a.pol:1:5"]


def test_a_circle_of_meters_is_found_when_one_file_changes() -> None:
    cache = Memory()
    texts = {
        "a": "meter m counts rule p.r by user.id over 1m " + RULE.format("p", "meter.n > 1"),
        "b": "meter n counts rule q.r by user.id over 1m " + RULE.format("q", "meter.m > 1"),
    }
    harmless = texts | {"b": texts["b"].replace("meter.m > 1", "session.turn > 1")}
    assert found(cache, **harmless) == ["W720 a.pol:1:7"]
    assert found(cache, **texts) == ["E513 a.pol:1:1", "E513 b.pol:1:1"]


def test_an_expectation_is_checked_again_when_its_rule_goes() -> None:
    cache = Memory()
    texts = {
        "a": RULE.format("p", "session.turn > 1"),
        "b": 'test "t" { given { tenant.id: "a", user.id: "b", stage: "request" } '
        "expect deny by p.r }",
    }
    assert found(cache, **texts) == []
    assert found(cache, **texts | {"a": texts["a"].replace("rule r", "rule s")}) == [
        "E515 b.pol:1:84"
    ]
