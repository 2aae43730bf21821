"""The types of Pol values, and which Python values stand for them.

========== ==========================  =========================================
Pol        Python                      written in a policy
========== ==========================  =========================================
bool       bool                        ``true``
int        int (64 bit, signed)        ``5``
float      float (finite)              ``0.8``
decimal    decimal.Decimal (finite)    ``50.00``
string     str                         ``"north"``
text       str, seen by the detectors
time       datetime, aware, UTC        ``2026-01-01T00:00:00Z``
duration   datetime.timedelta          ``15m``, ``1h30m``, ``250ms``
ip         ipaddress.IPv4/6Address     ``"10.0.0.1"``
"a" | "b"  str                         ``"a"``
set<T>     frozenset                   ``{"a", "b"}``
list<T>    tuple
json       None, bool, int, float, str, list, dict (``tool.args`` and what ``arg`` reads)
========== ==========================  =========================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scalar(StrEnum):
    """A type without parts."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    DECIMAL = "decimal"
    STRING = "string"
    TEXT = "text"
    TIME = "time"
    DURATION = "duration"
    IP = "ip"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Enumeration:
    """One of a few words, in the order in which the author listed them."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(f'"{word}"' for word in self.words)


@dataclass(frozen=True, slots=True)
class SetOf:
    """An unordered collection without repetitions. *item* is a Scalar or an Enumeration."""

    item: Type

    def __str__(self) -> str:
        return f"set<{self.item}>"


@dataclass(frozen=True, slots=True)
class ListOf:
    """An ordered collection."""

    item: Type

    def __str__(self) -> str:
        return f"list<{self.item}>"


Type = Scalar | Enumeration | SetOf | ListOf

BOOL = Scalar.BOOL
INT = Scalar.INT
FLOAT = Scalar.FLOAT
DECIMAL = Scalar.DECIMAL
STRING = Scalar.STRING
TEXT = Scalar.TEXT
TIME = Scalar.TIME
DURATION = Scalar.DURATION
IP = Scalar.IP
JSON = Scalar.JSON


def numeric(type_: Type) -> bool:
    """Return whether *type_* counts: int, float or decimal."""
    return type_ in {INT, FLOAT, DECIMAL}


def textual(type_: Type) -> bool:
    """Return whether *type_* is held as a ``str``: string, text or an enumeration."""
    return type_ in {STRING, TEXT} or isinstance(type_, Enumeration)
