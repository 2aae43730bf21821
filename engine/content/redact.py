"""Text or JSON and findings to the same without what was found, and a list of what was replaced.

Findings that overlap are replaced together, all that they cover, so that no end of the one sticks
out beside the other. Of each such heap the longest finding decides, then the stricter strategy,
then the higher score, then the entity's name::

    "mail ann@example.org now"   label of pii.email   ->   "mail [EMAIL] now"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, assert_never

from engine.content.findings import Finding
from engine.content.pseudonyms import DIGITS, Pseudonym, digits_of, keyed

StrategyName = Literal["label", "mask", "hash", "token", "drop"]

COUNTRY = 2
"""Letters of a country's code, which says nothing about what was found."""
STRICTNESS: Mapping[str, int] = {"drop": 0, "label": 1, "hash": 2, "token": 3, "mask": 4}


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a finding is replaced. ``mask`` repeats *fill* and leaves the last *keep* characters."""

    name: StrategyName
    fill: str = "*"
    keep: int = 0


class Span(NamedTuple):
    """What was replaced: ``start:end`` of the original at *path*, in code points."""

    path: str
    start: int
    end: int
    entity: str
    strategy: str


class Redacted(NamedTuple):
    """The *text* to release and the *spans* of the original that it lacks, in order, disjoint."""

    text: str
    spans: tuple[Span, ...]


class RedactedJson(NamedTuple):
    """The JSON *value* to release and the *spans* that its strings lack, in their order."""

    value: object
    spans: tuple[Span, ...]


def redact_text(
    text: str,
    findings: Iterable[Finding],
    strategies: Mapping[str, Strategy],
    key: bytes,
    scope: str,
    path: str = "content",
    tokens: dict[str, Pseudonym] | None = None,
    *,
    number: bool = False,
) -> Redacted:
    """Replace those *findings* in *text* whose entity has one of *strategies*.

    *key* keys ``hash`` and ``token``; *scope* (a tenant and session) bounds where a token means the
    same. What the tokens stand for is added to *tokens*, by their digits. *number*: the text are
    the digits of a JSON number. Raises ValueError for a finding outside the text, and for ``hash``
    or ``token`` without a key.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    done = 0
    for start, end, winner in _heaps(text, findings, strategies):
        strategy = strategies[winner.entity]
        found = text[start:end]
        whole = number and end - start == len(text)
        made = _replacement(found, winner.entity, strategy, key, scope, number=whole)
        pieces += text[done:start], made
        if tokens is not None and strategy.name == "token":
            tokens[made[-DIGITS - 1 : -1]] = Pseudonym(label_of(winner.entity), found, whole)
        spans.append(Span(path, start, end, winner.entity, strategy.name))
        done = end
    if not spans:
        return Redacted(text, ())
    pieces.append(text[done:])
    return Redacted("".join(pieces), tuple(spans))


def redact_json(
    value: object,
    find: Callable[[str], Sequence[Finding]],
    strategies: Mapping[str, Strategy],
    key: bytes,
    scope: str,
    path: str = "tool.args",
    tokens: dict[str, Pseudonym] | None = None,
) -> RedactedJson:
    """Rewrite the strings of a JSON *value* as `redact_text` does; *find* gives their findings.

    A whole number is its digits: one in which something is found becomes a string; a token of all
    of it is turned back into the number. Structure, names and all else stay. Paths are those of
    ``arg``: ``tool.args.to.0``.
    """
    spans: list[Span] = []

    def rewrite(node: object, path: str) -> object:
        match node:
            case str():
                redacted = redact_text(node, find(node), strategies, key, scope, path, tokens)
                spans.extend(redacted.spans)
                return redacted.text
            case int() | float() if not isinstance(node, bool) and node == node // 1:
                digits = str(int(node))
                redacted = redact_text(
                    digits, find(digits), strategies, key, scope, path, tokens, number=True
                )
                spans.extend(redacted.spans)
                return redacted.text if redacted.spans else node
            case dict():
                return {name: rewrite(inner, f"{path}.{name}") for name, inner in node.items()}
            case list() | tuple():
                return [rewrite(inner, f"{path}.{place}") for place, inner in enumerate(node)]
            case _:
                return node

    return RedactedJson(rewrite(value, path), tuple(spans))


def _heaps(
    text: str, findings: Iterable[Finding], strategies: Mapping[str, Strategy]
) -> Iterator[tuple[int, int, Finding]]:
    """Yield the places that are replaced, in order, each with the finding that decides how."""
    start = end = 0
    winner: Finding | None = None
    for finding in sorted(
        (one for one in findings if one.entity in strategies), key=lambda one: (one.start, one.end)
    ):
        if not 0 <= finding.start < finding.end <= len(text):
            raise ValueError(f"a finding of {finding.entity} lies outside the text")
        if winner is None or finding.start >= end:
            if winner is not None:
                yield start, end, winner
            start, end, winner = finding.start, finding.end, finding
        else:
            end = max(end, finding.end)
            winner = min(winner, finding, key=lambda one: _rank(one, strategies))
    if winner is not None:
        yield start, end, winner


def _rank(finding: Finding, strategies: Mapping[str, Strategy]) -> tuple[int, int, float, str]:
    strictness = STRICTNESS[strategies[finding.entity].name]
    return finding.start - finding.end, strictness, -finding.score, finding.entity


@lru_cache(maxsize=1024)
def label_of(entity: str) -> str:
    """Return what stands for a finding of *entity*: ``EMAIL``, ``NATIONAL_ID`` of any country."""
    kind, _, last = entity.rpartition(".")
    return (kind.rpartition(".")[2] if len(last) == COUNTRY and "." in kind else last).upper()


def _replacement(
    found: str, entity: str, strategy: Strategy, key: bytes, scope: str, *, number: bool
) -> str:
    name = label_of(entity)
    match strategy.name:
        case "label":
            return f"[{name}]"
        case "mask":
            # Keeping all of a short finding would hide nothing.
            kept = strategy.keep if strategy.keep < len(found) else 0
            return strategy.fill * (len(found) - kept) + found[len(found) - kept :]
        case "hash":
            return f"[{name}:{keyed(key, entity, found)[:12]}]"
        case "token":
            return f"[{name}_{digits_of(key, scope, entity, found, number=number)}]"
        case "drop":
            return ""
        case _:
            assert_never(strategy.name)
