"""Which reviews are wanted in, the statement that lists a page of them out.

An index begins with what each of the filters fixes and goes on in the order of a list, so the keys
of a page are read from it and nothing else is; then the reviews of these. Where several scopes are
wanted there is no such index: ``queue IN ('a', 'b')`` would read every review of both, or every
graver one of all the others. So each scope gives its own first keys, and the first of these are the
page::

    SELECT * FROM (SELECT rank, opened_at, review_id FROM reviews WHERE queue = 'a' … LIMIT 101)
    UNION
    SELECT * FROM (SELECT rank, opened_at, review_id FROM reviews WHERE queue = 'b' … LIMIT 101)
    ORDER BY rank, opened_at, review_id LIMIT 101

Invariant: where keys are looked for, nothing else is read. PostgreSQL would take the index of all
queues for one of them, as if their reviews were as grave, and read those of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from engine.runtime.decision import ReviewState
from engine.storage.reviews import Wanted
from engine.storage.reviews_rows import Key, Value

_ORDER = "rank, opened_at, review_id"
_AFTER = f"({_ORDER}) > (?, ?, ?) ORDER BY {_ORDER} LIMIT ?"
_JOINED = (
    "SELECT found.rank, found.opened_at, found.review_id, {} FROM "  # noqa: S608  our names
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

    def statement(self, shown: str, most: int) -> tuple[str, list[Value]]:
        """Return what finds keys, each with *shown*, and its values."""
        parts: list[str] = []
        values: list[Value] = []
        for fixed in self.choices:
            parts.append("".join(f"{name} = ? AND " for name in fixed) + _AFTER)
            values += [*fixed.values(), *self.key, most]
        keys = " UNION ".join(
            f"SELECT * FROM (SELECT {_ORDER} FROM reviews WHERE {one}) AS part{number}"  # noqa: S608  our names
            for number, one in enumerate(parts)
        )
        return _JOINED.format(shown, keys), [*values, most]


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
