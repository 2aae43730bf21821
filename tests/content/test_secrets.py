"""Every way in which a provider's secret is known has an example, made from its row at run time."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import pytest

from engine.content.detectors import Pattern
from engine.content.entities import ENTITIES
from engine.content.plan import arrange, find_spans
from engine.content.rules import builtin_rules
from engine.content.secrets_chat import CHAT
from engine.content.secrets_clouds import CLOUDS
from engine.content.secrets_code import CODE
from engine.content.secrets_data import DATA
from engine.content.secrets_models import MODELS
from engine.content.secrets_money import MONEY
from engine.content.secrets_shapes import BASE62, Named, crc32, keyed
from engine.content.secrets_watch import WATCH
from tests.content.examples import example, finding
from tests.content.plain import plain_spans

KINDS = (*CLOUDS, *CODE, *CHAT, *MONEY, *MODELS, *WATCH, *DATA)
NAMED = [(kind.name, way) for kind in KINDS for way in kind.ways if isinstance(way, Named)]
TOKENS = [
    (kind.name, way)
    for kind in KINDS
    for way in kind.ways
    if not isinstance(way, Named) and way.check is not crc32
]


def found(kind: str, text: str) -> list[str]:
    """Return what *kind* finds in *text* with a plan, which is what its patterns find without."""
    rules = builtin_rules(ENTITIES[f"secret.{kind}"])
    data = text.encode()
    spans = sorted((one.start, one.end) for one in find_spans(arrange(rules), data))
    assert spans == [(start, end) for _, start, end, _ in plain_spans(rules, data)]
    return [data[start:end].decode() for start, end in spans]


def numbered(rows: Sequence[tuple[str, object]]) -> list[str]:
    return [f"{name}-{place}" for place, (name, _) in enumerate(rows)]


@pytest.mark.parametrize(("kind", "way"), NAMED, ids=numbered(NAMED))
def test_a_value_is_found_behind_each_name(kind: str, way: Named) -> None:
    value = drawn(way.value)
    for name in way.names:
        for text in (
            f'{name.upper()}_API_KEY="{value}"\n',
            f"  {name}:\n    token: {value}\n",
            f"the {name} token is {value}, keep it",
        ):
            assert value in found(kind, text), text


@pytest.mark.parametrize(("kind", "way"), NAMED, ids=numbered(NAMED))
def test_a_value_without_its_name_or_of_another_length_is_not(kind: str, way: Named) -> None:
    value = drawn(way.value)
    assert f'API_KEY="{value}"' not in found(kind, f'API_KEY="{value}"\n')
    assert value not in found(kind, f"{way.names[0]}_key = {value}{'Z' * 200}")


def drawn(regex: str) -> str:
    """Return an example that is not refused for looking like a word."""
    return next(value for size in range(99) if keyed(value := example(regex + "()" * size)))


@pytest.mark.parametrize(("kind", "way"), TOKENS, ids=numbered(TOKENS))
def test_a_token_is_found_wherever_it_stands(kind: str, way: Pattern) -> None:
    text = example(way.regex)
    token = finding(way.regex, text)
    assert token in found(kind, f"x {text} y")


@pytest.mark.parametrize("name", ["github", "npm"])
def test_a_checksum_raises_the_score(name: str) -> None:
    body = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1"
    mark = {"github": "ghp_", "npm": "npm_"}[name]
    sums = (mark + body + tail for tail in (_sum(body), "000000"))
    rules = builtin_rules(ENTITIES[f"secret.{name}"])
    scores = [
        max(one.rule.pattern.score for one in find_spans(arrange(rules), text.encode()))
        for text in sums
    ]
    assert scores == [1.0, 0.95]


def _sum(body: str) -> str:
    left, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        left, digit = divmod(left, len(BASE62))
        text = BASE62[digit] + text
    return text


def test_a_repeated_letter_is_no_key() -> None:
    assert not keyed("x" * 40)
    assert not keyed("abcdefghijklmnop")
    assert keyed("kTqLwXbNzRpVsGhJmCdF")


@pytest.mark.parametrize(("kind", "way"), TOKENS, ids=numbered(TOKENS))
def test_a_token_cut_short_is_not(kind: str, way: Pattern) -> None:
    text = example(way.regex)
    token = finding(way.regex, text)
    assert token[: len(token) * 2 // 3] not in found(kind, "x " + text[: len(text) * 2 // 3])
