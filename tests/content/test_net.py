"""Both finders find the same: RE2 by its plan, and Hyperscan with RE2 behind it."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given, settings

from engine.content import hyper, net_packed
from engine.content.collect import MANY, Span
from engine.content.detectors import CustomEntity, Entity, Pattern
from engine.content.entities import ENTITIES
from engine.content.hyper import DatabaseError, build
from engine.content.net import Cast, Net, cast, find_cast, pack_net, wanted
from engine.content.net_packed import Packed, Wanted
from engine.content.normalize import fold
from engine.content.plan import arrange, find_spans
from engine.content.rules import Rule, builtin_rules, custom_rules
from engine.content.scan import build_scanner
from tests.content.made_texts import made_texts
from tests.content.test_plan import TEXTS

pytest.importorskip("hyperscan")

KEY = "Zq8rT2Lw0Xn5Yb7kC4dE6fG9hJ1mN3pQ5sU7"

AUTHORS = (
    CustomEntity("x.ticket", (r"TCK-[0-9]{4,9}", r"(?i)case no\.? ?\d{3}\b")),
    CustomEntity("x.loose", (r"\bzz+", r"[^\s,;]{3}~[^a-z]", r"q.{0,5}q", r"ü\w*ß")),
    CustomEntity("x.odd", (r"^beg(?:in)?", r"end$", r"\p{Greek}{2}", r"[[:alpha:]]~~")),
)
RULES = [
    *(rule for entity in ENTITIES.values() for rule in builtin_rules(entity)),
    *(rule for entity in AUTHORS for rule in custom_rules(entity)),
]
READABLE = [
    rule for rule in RULES if "[[:" not in rule.pattern.regex and "Greek" not in rule.pattern.regex
]
PLAN = arrange(RULES)


def wanted_of(rules: list[Rule]) -> Wanted:
    return wanted(rule.pattern for rule in rules)


NET = Net(pack_net(wanted_of(RULES)))


def held(rules: list[Rule]) -> Cast:
    made = cast(rules, NET)
    assert made is not None
    return made


CAST = held(RULES)


def shown(spans: list[Span]) -> list[tuple[str, str, int, int]]:
    return sorted((one.rule.entity, one.rule.pattern.regex, one.start, one.end) for one in spans)


def differ(text: str) -> bool:
    data = text.encode("utf-8", "replace")
    return shown(find_cast(CAST, data)) != shown(find_spans(PLAN, data))


@pytest.mark.slow
def test_both_find_the_same_in_texts_made_from_the_detectors() -> None:
    texts = list(made_texts(READABLE, 1500, seed=1))
    assert [text for text in texts if differ(text)] == []
    assert sum(bool(find_cast(CAST, text.encode())) for text in texts) > len(texts) // 3


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 12))
def test_both_find_the_same_in_many_texts_made_from_the_detectors(seed: int) -> None:
    texts = made_texts(READABLE, 10_000, seed)
    assert [text for text in texts if differ(text)] == []


@pytest.mark.slow
@settings(max_examples=200)
@given(TEXTS)
def test_both_find_the_same_in_texts_of_pieces(text: str) -> None:
    assert not differ(fold(text).text)


@pytest.mark.parametrize(
    "piece",
    ["a.a.", "1-1-", "1 ", "1111 ", ":", "key=", "key:a1", "http://a:",
     "-----BEGIN PRIVATE KEY-----", "ghp_", f"ghp_{KEY}", "é", "a@", "+1 ", "sk-", "AB12 ",
     "fe80::", "\v", "zz", "q~"],
)  # fmt: skip
def test_both_find_the_same_in_hostile_texts(piece: str) -> None:
    text = piece * (9_000 // len(piece))
    assert not differ(text)
    assert not differ(f"{text} ssn 536-90-4399 a@b.org password=hunter2!x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ghp_" + KEY,
        "ghp_" + KEY + " ghp_" + KEY + "x" * 300 + " ghp_" + "a1B2" * 60,
        "TCK-12345 zz 123~X end",
        "begin zzz end",
        "AB12 DE89370400440532013000, GB82 WEST 1234 5698 7654 32",
        "\v\v~x, a\vb~x q\nq qé漢😀q",
    ],
)
def test_both_find_the_same_at_the_ends_of_texts(text: str) -> None:
    assert not differ(text)


@pytest.mark.slow
def test_a_net_serves_part_of_what_it_holds_and_more_than_it_holds() -> None:
    text = "ghp_" + KEY + " 536-90-4399 a@b.org DE89370400440532013000"
    part = [rule for rule in RULES if rule.entity.startswith("secret.")]
    assert [one.rule.entity for one in find_cast(held(part), text.encode())] == ["secret.github"]
    small = Net(pack_net(wanted_of(part)))
    made = cast(RULES, small)
    assert made is not None
    assert shown(find_cast(made, text.encode())) == shown(find_spans(PLAN, text.encode()))


def test_the_name_of_a_net_tells_what_it_holds_and_who_made_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = wanted_of(RULES[:40]).digest()
    assert wanted_of([*RULES[:40], *reversed(RULES[:40])]).digest() == name
    assert wanted_of(RULES[:39]).digest() != name
    stricter = [replace(rule, pattern=replace(rule.pattern, retry=True)) for rule in RULES[:40]]
    assert wanted_of(stricter).digest() != name
    monkeypatch.setattr(net_packed, "sources", lambda: iter([b"another translation"]))
    assert wanted_of(RULES[:40]).digest() != name


def test_for_few_rules_there_is_no_net() -> None:
    assert cast(RULES[:3], NET) is None
    assert pack_net(wanted([])) == pack_net(wanted([]))


def test_what_cannot_be_loaded_is_refused() -> None:
    with pytest.raises(DatabaseError):
        Net(b"x")
    none = memoryview(b"")
    broken = Packed(Wanted(()), (), (("a", True),), memoryview(b"x"), none, none)
    with pytest.raises(DatabaseError):
        Net(msgspec.msgpack.encode(broken))


def test_what_is_too_large_for_a_database_is_left_out() -> None:
    large = "(?:" + "[a-z]{1,900}[0-9]" * 60 + "){30}"
    data, kept = build((("a{3}", True), (large, True)))
    assert data
    assert kept == (("a{3}", True),)


def test_a_database_serves_several_threads() -> None:
    text = ("ghp_" + KEY + " and 536-90-4399 ") * 20
    wanted_spans = shown(find_cast(CAST, text.encode()))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: shown(find_cast(CAST, text.encode())), range(40)))
    assert all(one == wanted_spans for one in found)


def test_without_the_library_there_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    source = Path(hyper.__file__).with_name("hyper.py")
    bare = ModuleType("bare")
    exec(compile(source.read_text("utf-8"), source, "exec"), vars(bare))  # noqa: S102 - the module, as it is
    assert bare.VERSION == ""
    with pytest.raises(bare.DatabaseError, match="cannot be imported"):
        bare.build(())
    with pytest.raises(bare.DatabaseError, match="cannot be imported"):
        bare.Database(memoryview(b""))


@pytest.mark.slow
def test_a_scanner_finds_the_same_with_a_net() -> None:
    plain = build_scanner(AUTHORS, {})
    netted = build_scanner(AUTHORS, {})
    netted.cast(Net(pack_net(netted.wanted(netted.entities))))
    for text in made_texts(READABLE, 200, seed=5):
        assert netted.scan(text, netted.entities) == plain.scan(text, plain.entities)


ODD = (
    Pattern(r"(?i)num\p{Greek}?[0-9]{8}", 0.9, digits=8),
    Pattern("long" + "[a-z]{900}" * 5, 0.9, keywords=("long",)),
    Pattern(r"[0-9]{8}x[0-9]{1,3}", 0.9, digits=8),
)


def test_odd_patterns_are_found_too() -> None:
    rules = [*RULES[:40], *builtin_rules(Entity("x.odd", "", ODD))]
    made_net = Net(pack_net(wanted_of(rules)))
    made_cast = cast(rules, made_net)
    assert made_cast is not None
    text = "num12345678 and 12345678x123, 87654321x1 12345678x12345678x9 long" + "ab" * 2500
    assert shown(find_cast(made_cast, text.encode())) == shown(
        find_spans(arrange(rules), text.encode())
    )


@pytest.mark.parametrize("gap", [0, 1, 60, 200, 700, 5000])
def test_shapes_are_found_however_far_apart(gap: int) -> None:
    shapes = (
        "10.20.30.40", "DE89370400440532013000", "1M8GDM9AXKP042788", "AB12 CDE", "fe80::1",
        "1EG4-TE5-MK73", "00:1b:44:11:3a:b7", "W1A 1HQ", "VWX1234", "XAbcdefghijkl",
    )  # fmt: skip
    for filling in (" ", "a ", "A1 ", "AB 12-"):
        between = f" {filling * (gap // len(filling))} "
        text = between.join((*shapes, *reversed(shapes)))
        assert not differ(text)


def test_a_net_may_have_numbers_only() -> None:
    rules = [rule for rule in RULES if rule.pattern.digits][:12]
    made_cast = cast(rules, Net(pack_net(wanted_of(rules))))
    assert made_cast is not None
    data = b"call 4111 1111 1111 1111 or 10.20.30.40"
    assert shown(find_cast(made_cast, data)) == shown(find_spans(arrange(rules), data)) != []


def test_what_matches_is_told_once_however_often_it_does() -> None:
    assert NET.numbers is not None
    data = b"4111 1111 1111 1111, 4111 1111 1111 1111"
    events = NET.numbers.events(data)[::2]
    told = NET.numbers.matching(data)
    assert told is not None
    assert sorted(told) == sorted(set(events)) != sorted(events)


@pytest.mark.slow
def test_of_countless_numbers_each_rule_is_run() -> None:
    text = "123456789 " * (MANY + hyper.MOST_EVENTS // 10) + ", 536-90-4399"
    assert NET.numbers is not None
    assert NET.numbers.matching(text.encode()) is None
    assert not differ(text)


def test_numbers_that_most_numbers_are_need_no_database() -> None:
    rules = [
        rule
        for rule in RULES
        if rule.pattern.aimed == "usual" or rule.entity.startswith("secret.g")
    ]
    needed = wanted_of(rules)
    made_net = Net(pack_net(needed))
    assert made_net.numbers is None
    made_cast = cast(rules, made_net)
    assert made_cast is not None
    data = b"call 415-555-0132 or 0 30 12 34 56"
    assert shown(find_cast(made_cast, data)) == shown(find_spans(arrange(rules), data)) != []


@pytest.mark.slow
def test_a_net_may_have_shapes_without_numbers_and_the_other_way() -> None:
    for digits in (True, False):
        rules = [
            rule
            for rule in RULES
            if (bool(rule.pattern.digits) is digits or rule.entity == "secret.github")
            and not rule.entity.startswith("x.")
        ]
        made_cast = cast(rules, Net(pack_net(wanted_of(rules))))
        assert made_cast is not None
        for text in made_texts(rules, 200, seed=3):
            data = text.encode()
            assert shown(find_cast(made_cast, data)) == shown(find_spans(arrange(rules), data))
