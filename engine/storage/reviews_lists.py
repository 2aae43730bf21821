"""Which reviews are wanted in, the statement that finds a page of them out.

An index begins with what each of the filters fixes and goes on in the order of a list, so the keys
of a page are read from it and nothing else is. Where several scopes are wanted there is no such
index: ``queue IN ('a', 'b')`` would read every review of both, or every graver one of all the
others. So each scope gives its own first keys, and the first of these are the page. However many
scopes there are, they are one value, an array of arrays in JSON, which the database goes through::

    [["a", "open"], ["b", "open"]]   each: the first 101 of ``queue = 'a' AND state = 'open'`` …
                                     the first 101 of those, once each

Only scopes that fix the same columns go together: there are three kinds at most, and one that is
alone needs no array. How a database looks something up for each of several values is its own
(`Manner`).

Invariant: where keys are looked for, nothing else is read. PostgreSQL would take the index of all
queues for one of them, as if their reviews were as grave, and read those of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import msgspec

from engine.runtime.decision import ReviewState
from engine.storage.reviews import Wanted
from engine.storage.reviews_database import Manner
from engine.storage.reviews_rows import Key, Value

_ORDER = "rank, opened_at, review_id"
_OF_SCOPE = f"FROM reviews WHERE {{}}({_ORDER}) > (?, ?, ?) ORDER BY {_ORDER} LIMIT ?"
_ALONE = "SELECT * FROM (SELECT {{keys}} {{of}}) AS alone{}"
_FOUND = (
    "SELECT found.rank, found.opened_at, found.review_id, LENGTH(reviews.body) FROM "  # noqa: S608  our names
    f"({{}} ORDER BY {_ORDER} LIMIT ?) AS found "
    "JOIN reviews ON reviews.review_id = found.review_id "
    "ORDER BY found.rank, found.opened_at, found.review_id"
)

EVERYTHING = ("", "")
STATES: tuple[ReviewState, ...] = get_args(ReviewState)

Fixed = dict[str, str]
"""Columns, and what each of them must be."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What lists the reviews that are wanted, after a *key*."""

    choices: Sequence[Fixed]
    """A review fits one of these; there is none where nothing can fit."""
    key: Key

    def statement(self, most: int, manner: Manner) -> tuple[str, list[Value]]:
        """Return what finds up to *most* keys, each with its review's size, and its values."""
        kinds: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        for fixed in self.choices:
            kinds.setdefault(tuple(fixed), set()).add(tuple(fixed.values()))
        parts: list[str] = []
        values: list[Value] = []
        for number, (names, scopes) in enumerate(kinds.items()):
            alone = len(scopes) == 1  # As most are: that costs half.
            part = "?" if alone else manner.part
            fits = "".join(f"{name} = {part.format(at)} AND " for at, name in enumerate(names))
            each = _ALONE.format(number) if alone else manner.each
            parts.append(each.format(keys=_ORDER, of=_OF_SCOPE.format(fits)))
            these = scopes.pop() if alone else (msgspec.json.encode(scopes).decode(),)
            values += [*these, *self.key, most]
        return _FOUND.format(" UNION ".join(parts)), [*values, most]


def listing(wanted: Wanted, key: Key) -> Listing:
    """Return what lists the reviews that are *wanted* after *key*."""
    choices: list[Fixed] = []
    for queue, tenant in wanted.within or (EVERYTHING,):
        if _fits(wanted.queue, queue) and _fits(wanted.tenant, tenant):
            fixed = {"queue": wanted.queue or queue, "tenant": wanted.tenant or tenant}
            # The index of a queue of a tenant has the state before the order.
            states = STATES if all(fixed.values()) and not wanted.state else (wanted.state,)
            for state in states:
                every = {**fixed, "state": state}
                choices.append({name: value for name, value in every.items() if value})
    return Listing(choices, key)


def _fits(wanted: str, scope: str) -> bool:
    """Return whether there can be something that is of both; empty stands for all."""
    return not wanted or not scope or wanted == scope
