"""The plain way to scan and score: every pattern by itself over the whole text, without a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.content.detectors import WORD, Pattern, stands_alone
from engine.content.injection import AGAIN, ENGLISH, Hit
from engine.content.mention import QUOTES, talked_about
from engine.content.phrases_abroad import ABROAD
from engine.content.regex import compiled
from engine.content.rules import Rule

Found = tuple[str, int, int, float]


def plain_spans(rules: Iterable[Rule], data: bytes) -> list[Found]:
    """Return entity, place and score of all matches of *rules* in *data*."""
    return sorted(
        (rule.entity, start, end, rule.pattern.score)
        for rule in rules
        for start, end in _matches(rule, data)
    )


def fitting(pattern: Pattern, text: str) -> int:
    """Return how many bytes of *text* the pattern leaves."""
    assert pattern.fit is not None
    return len(text[: pattern.fit(text)].encode())


def _matches(rule: Rule, data: bytes) -> Iterator[tuple[int, int]]:
    pattern, size = rule.pattern, len(data)
    place = 0
    if pattern.keywords:
        low = data.lower()
        places = [at for word in pattern.keywords if (at := low.find(word.encode())) >= 0]
        place = max(0, min(places) - pattern.before) if places else size
    while place < size:
        found = rule.find.find(data, place, size)
        first, last = found[0]
        if first < 0:
            return
        start, end = found[rule.group]
        cut = end if pattern.fit is None else start + fitting(pattern, data[start:end].decode())
        if (
            cut > start
            and (pattern.guard is None or pattern.guard(data, start, cut))
            and (pattern.check is None or pattern.check(data[start:cut].decode()))
        ):
            yield start, cut
            place = max(cut, place + 1)
            continue
        after = start if rule.group else last
        if (
            not rule.group
            and stands_alone(pattern.guard)
            and WORD.issuperset(data[last - 1 : last])
        ):
            while WORD.issuperset(data[after : after + 1] or b"-"):
                after += 1
        if pattern.retry:
            after = first
            while after < last and data[after : after + 1].isalnum():
                after += 1
        place = max(place + 1, after)


PATTERNS = tuple(compiled(phrase.regex) for phrase in (*ENGLISH, *ABROAD))


def plain_hits(text: str, *, embedded: bool) -> list[Hit]:
    """Return the phrases in *text*, which is plain, each looked for in all of it."""
    data = text.encode("utf-8", "replace")
    quoted = any(quote in data for quote in QUOTES)
    hits = []
    for number, (phrase, pattern) in enumerate(zip((*ENGLISH, *ABROAD), PATTERNS, strict=True)):
        if not any(keyword.encode() in data for keyword in phrase.keywords):
            continue
        weight = phrase.embedded if embedded else phrase.direct
        start, end = pattern.find(data, 0, len(data))[0]
        while start >= 0:
            talk = not phrase.marked and talked_about(data, start, end, quoted=quoted)
            name = number + len(PATTERNS) * talk
            hits.append(Hit(start, name, phrase.signal, weight * (0.1 if talk else 1)))
            onward = min(len(data), end if talk else max(end, start + AGAIN))
            start, end = pattern.find(data, onward, len(data))[0]
    return sorted(hits)
