"""What a unit's code needs beside its arguments: functions, and constants no code object holds.

The globals of a unit are made here and hold nothing else; its code has no other built-ins either.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import isfinite
from typing import Literal

import re2

from engine.language.decimals import EXACTLY
from engine.language.functions import TABLE, bounded
from engine.language.interned import interned
from engine.language.json_values import (
    Unknowable,
    convert,
    json_contains,
    json_equal,
    json_items,
    json_member,
    json_order,
    json_overlaps,
    json_text,
    json_within,
)
from engine.language.plan import Spec
from engine.language.stages import whole
from engine.language.types import DECIMAL, FLOAT, STRING

FAULTS = (Unknowable, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a condition may raise when it meets something that cannot be known, or that its fast form
does not provide for. The reference evaluator then judges the rule: nothing is hidden by this."""

BUILTINS: Mapping[str, object] = {
    "any": any,
    "all": all,
    "float": float,
    "frozenset": frozenset,
    "Decimal": Decimal,
}


AT_ONCE = 32
"""So many constants are made without a pause."""

Method = Literal["search", "fullmatch"]


class LazyPattern:
    """An RE2 pattern that is compiled when it is first asked: a bundle may hold thousands.

    ``ask`` is its *method*, ``search`` or ``fullmatch``.
    """

    __slots__ = ("ask",)

    ask: Callable[[str], object]

    def __init__(self, pattern: str, method: Method) -> None:
        def first(text: str) -> object:
            compiled = re2.compile(pattern)
            self.ask = compiled.fullmatch if method == "fullmatch" else compiled.search
            return self.ask(text)

        self.ask = first


class Networks:
    """A set of networks as numbers: an address is tested with one mask a prefix length."""

    __slots__ = ("four", "six")

    def __init__(self, networks: Sequence[str]) -> None:
        tables: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for network in map(ip_network, networks):
            mask = int(network.netmask)
            tables[network.version].setdefault(mask, set()).add(int(network.network_address))
        self.four, self.six = (tuple(tables[version].items()) for version in (4, 6))

    def hold(self, address: IPv4Address | IPv6Address) -> bool:
        """Return whether *address* lies in one of the networks."""
        number = int(address)
        table = self.four if address.version == 4 else self.six  # noqa: PLR2004
        return any(number & mask in starts for mask, starts in table)


def in_range(value: object) -> object:
    """Return the result of arithmetic, or raise ArithmeticError when it is out of range."""
    if isinstance(value, float | Decimal):
        if not isfinite(value):
            raise OverflowError("the number is not finite")
        return value
    return bounded(value) if isinstance(value, int) else value


def first(subject: object, default: object) -> object:
    """Return *subject* where it is present, else *default*."""
    return default if subject is None else subject


HELPERS: Mapping[str, Callable[..., object]] = {
    "in_range": in_range,
    "first": first,
    "json_contains": json_contains,
    "json_equal": json_equal,
    "json_items": json_items,
    "json_member": json_member,
    "json_order": json_order,
    "json_overlaps": json_overlaps,
    "json_text": json_text,
    "json_within": json_within,
    "to_float": lambda value: convert(value, FLOAT),
    "to_decimal": lambda value: convert(value, DECIMAL),
    "to_string": lambda value: convert(value, STRING),
    **{f"exactly {sign}": calculate for sign, calculate in EXACTLY.items()},
}


@lru_cache(maxsize=4096)
def pattern(text: str, method: Method) -> LazyPattern:
    """Return the pattern, one for all rules that use it."""
    return LazyPattern(text, method)


def bind(constants: Sequence[Spec], lists: Mapping[str, frozenset[str]]) -> dict[str, object]:
    """Return the globals of a unit whose code names *constants* ``k0``, ``k1`` and so on."""
    return whole(binding(constants, lists))


def binding(
    constants: Sequence[Spec], lists: Mapping[str, frozenset[str]]
) -> Generator[None, None, dict[str, object]]:
    """Return what `bind` does; yield now and then, as a unit may have very many."""
    made: dict[str, object] = {"__builtins__": BUILTINS, "FAULTS": FAULTS}
    for index, spec in enumerate(constants):
        made[f"k{index}"] = value_of(spec, lists)
        if index % AT_ONCE == 0:
            yield
    return made


def value_of(spec: Spec, lists: Mapping[str, frozenset[str]]) -> object:  # noqa: C901
    """Return the value that *spec* describes; see ``emit.describe`` and the uses of ``bound``."""
    match spec:
        case "plain", value:
            return value
        case "decimal", str(text):
            return Decimal(text)
        case "time", str(text):
            return datetime.fromisoformat(text)
        case "duration", (int(days), int(seconds), int(microseconds)):
            return timedelta(days, seconds, microseconds)
        case "address", str(text):
            return ip_address(text)
        case "network", str(text):
            return ip_network(text)
        case "networks", tuple(texts):
            return Networks(texts)
        case "set", frozenset(specs):
            return frozenset(value_of(one, lists) for one in specs)
        case "row", tuple(specs):
            return tuple(value_of(one, lists) for one in specs)
        case "entities", frozenset(names):
            return interned(names)
        case "list", str(name):
            return lists[name]
        case ("search" | "fullmatch") as method, str(text):
            return pattern(text, method)
        case "function", str(name):
            return TABLE[name].body
        case "helper", str(name):
            return HELPERS[name]
        case _:
            raise AssertionError(f"no such constant: {spec!r}")
