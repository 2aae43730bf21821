"""A record of the audit trail in, the same record in another program's form out. Pure.

The same record always gives the same bytes, its id too (``<trail>/<sequence>``): whoever gets it
twice can tell. Every record has every form: what is of an unknown kind, or no JSON at all, as
well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec

Fields = Mapping[str, object]

UNREADABLE = "unreadable"
"""The kind of what is no JSON object."""

NOTHING: Fields = {}


class Taken(NamedTuple):
    """A record: whose trail, its number there, its bytes, and its fields (none if unreadable)."""

    trail: str
    sequence: int
    payload: bytes
    fields: Fields

    @property
    def kind(self) -> str:
        """What the record is about: a decision, a review and so on."""
        return text_of(self.fields, "kind") or UNREADABLE

    @property
    def uid(self) -> str:
        """The record's name, unlike that of any other."""
        return f"{self.trail}/{self.sequence}"

    @property
    def unread(self) -> Taken:
        """The record as if it were no JSON: where it is nested too deep to be written anew."""
        return self._replace(fields=NOTHING)

    def text(self, name: str) -> str:
        """Return the field *name*, or "" where it is no text."""
        return text_of(self.fields, name)


Form = Callable[[Taken], dict[str, object]]

_decode = msgspec.json.Decoder(dict[str, object]).decode
_encoder = msgspec.json.Encoder(enc_hook=str)
_sorted = msgspec.json.Encoder(enc_hook=str, order="sorted")


def take(trail: str, sequence: int, payload: bytes) -> Taken:
    """Return the record whose bytes are *payload*."""
    try:
        fields: Fields = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = NOTHING
    return Taken(trail, sequence, payload, fields)


def text_of(fields: Fields, name: str) -> str:
    """Return the field *name*, or "" where it is no text."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def number_of(fields: Fields, name: str) -> int:
    """Return the field *name*, or 0 where it is no whole number."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def fields_of(fields: Fields, name: str) -> Fields:
    """Return the field *name*, or no fields where it is no object."""
    value = fields.get(name)
    return value if isinstance(value, dict) else NOTHING


def list_of(fields: Fields, name: str) -> list[Fields]:
    """Return the objects in the list *name*."""
    value = fields.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts_of(fields: Fields, name: str) -> list[str]:
    """Return the texts in the list *name*."""
    value = fields.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def rules_of(fields: Fields, name: str = "reasons") -> list[str]:
    """Return the deciding rules; the policy where its default decided."""
    return [text_of(one, "rule") or text_of(one, "policy") for one in list_of(fields, name)]


def time_of(taken: Taken) -> datetime | None:
    """Return when the record was made, in UTC; None where it does not say."""
    return read_time(taken.text("time"))


@lru_cache(maxsize=64)
def read_time(text: str) -> datetime | None:
    """Return RFC 3339 as a time in UTC. Remembered: a record is asked more than once."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(taken: Taken) -> int:
    """Return when the record was made, in milliseconds since the epoch; 0 where it does not say."""
    found = time_of(taken)
    if found is None:
        return 0
    whole = int(found.replace(microsecond=0).timestamp())
    return whole * 1000 + found.microsecond // 1000


def encode(value: object, *, ordered: bool = False) -> bytes:
    """Return *value* as JSON in a line; *ordered* sorts the names, as RFC 8785 asks."""
    return (_sorted if ordered else _encoder).encode(value)
