"""Digits to whether they are a telephone number somewhere, by the numbering plans of all countries.

The plans are those of libphonenumber, of which the package ``phonenumbers`` is the Python form. Its
patterns are joined into a few RE2 automata when the first number is looked at (some hundredths of a
second), so that a number costs a microsecond::

    international("49301234567")        a number of a country that has been given out
    grouped(["030", "1234567"])         digits in such groups as in one of `REGIONS`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from itertools import product
from types import ModuleType
from typing import Protocol, cast

from engine.content.regex import Regex, compiled
from engine.content.translate import read, width

REGIONS = (
    "US", "GB", "IE", "AU", "NZ", "IN", "PK", "BD", "ZA", "NG", "KE", "DE", "AT", "CH", "FR", "BE",
    "NL", "LU", "IT", "ES", "PT", "GR", "SE", "NO", "DK", "FI", "IS", "PL", "CZ", "SK", "HU", "RO",
    "BG", "HR", "SI", "RS", "UA", "RU", "TR", "IL", "AE", "SA", "EG", "MA", "JP", "KR", "CN", "TW",
    "HK", "SG", "MY", "TH", "VN", "PH", "ID", "BR", "AR", "MX", "CL", "CO", "PE", "EE", "LV", "LT",
)  # fmt: skip
"""Countries whose national forms are looked for; all countries have their international form."""

KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip",
    "pager", "uan", "voicemail",
)  # fmt: skip
MEMORY = 64 << 20

_group = re.compile(r"\(([^()]*)\)")
_placed = re.compile(r"\\[0-9]")
_sign = re.compile(r"[^\\0-9]+")


class Format(Protocol):
    """How numbers are written: digits in groups, and the groups with signs between them."""

    pattern: str
    format: str


class Kind(Protocol):
    """Numbers of one kind, as a pattern."""

    national_number_pattern: str | None


class Plan(Protocol):
    """A country's numbering plan."""

    national_prefix: str | None
    number_format: list[Format]


def international(digits: str) -> bool:
    """Return whether *digits*, a country code and a number, are of a range that is in use."""
    return _everywhere().within(digits.encode())


def grouped(groups: Sequence[str]) -> bool:
    """Return whether *groups* of digits are a number of one of `REGIONS`, as written there."""
    valid = _valid(tuple(map(len, groups)))
    return valid is not None and valid.within("".join(groups).encode())


@lru_cache(maxsize=4096)
def _valid(lengths: tuple[int, ...]) -> Regex | None:
    """Return what numbers are in groups of these *lengths*; None where no country writes so."""
    plans = _groupings().get(lengths)
    return None if plans is None else _whole("|".join(map(_dialled, plans)))


@cache
def _everywhere() -> Regex:
    codes: Mapping[int, tuple[str, ...]] = _package().COUNTRY_CODE_TO_REGION_CODE
    choices = []
    for code, regions in codes.items():
        for region in regions:
            plan = _plan(region) if region.isalpha() else _service(code)
            zero = "0?" if plan.national_prefix == "0" else ""
            choices.append(f"{code}{zero}(?:{_numbers(plan)})")
    return _whole("|".join(choices))


@cache
def _groupings() -> Mapping[tuple[int, ...], list[Plan]]:
    found: dict[tuple[int, ...], list[Plan]] = {}
    for region in REGIONS:
        plan = _plan(region)
        for lengths in {each for one in plan.number_format for each in _lengths(plan, one)}:
            found.setdefault(lengths, []).append(plan)
    return found


@cache
def _package() -> ModuleType:
    # It is only imported when there is a number to look at.
    return import_module("phonenumbers")


def _plan(region: str) -> Plan:
    return cast("Plan", _package().PhoneMetadata.metadata_for_region(region))


def _service(code: int) -> Plan:
    """Return the plan of a *code* that belongs to no country."""
    return cast("Plan", _package().PhoneMetadata.metadata_for_nongeo_region(code))


def _whole(pattern: str) -> Regex:
    return compiled(rf"\A(?:{pattern})\z", memory=MEMORY)


def _numbers(plan: Plan) -> str:
    kinds: list[Kind | None] = [getattr(plan, kind) for kind in KINDS]
    patterns = [kind.national_number_pattern for kind in kinds if kind is not None]
    return "|".join(one for one in patterns if one is not None and one != "NA")


def _dialled(plan: Plan) -> str:
    prefix = f"(?:{plan.national_prefix})?" if plan.national_prefix else ""
    return f"{prefix}(?:{_numbers(plan)})"


def _lengths(plan: Plan, form: Format) -> Iterator[tuple[int, ...]]:
    """Yield how many digits the groups of *form* may have, with the trunk prefix and without."""
    groups = [width(read(found[1])) for found in _group.finditer(form.pattern)]
    written = _sign.split(form.format)
    if not all(_placed.fullmatch(one) for one in written):
        # Some have digits that are not in the pattern, or two groups without a sign between.
        return
    widths = [groups[int(one[1:]) - 1] for one in written]
    prefix = len(plan.national_prefix or "")
    for lengths in product(*(range(least, (most or least) + 1) for least, most in widths)):
        yield lengths
        if prefix:
            yield prefix + lengths[0], *lengths[1:]
            yield prefix, *lengths
