"""Detector of dates of birth (``pii.date_of_birth``): a date behind a word for being born."""

from __future__ import annotations

import re

from engine.content.checksums import is_day
from engine.content.detectors import Entity, Pattern, alone
from engine.content.naming import BEGIN

BORN = (
    rf"(?:{BEGIN}(?:born|birth|d\.?o\.?b\b|geboren|geb\.|geburtsdatum|geburtstag|née? le|naissance"
    r"|nacid[oa]|nacimiento|nat[oa] (?:il|a)|nascita|nascid[oa]|nascimento|geboortedatum|urodz"
    r"|ur\. |född|födelse|født|fødsel|syntynyt|syntymä|narozen|született|születés|născut|nașterii"
    r"|doğum)|рожден|родил|出生|生日|生年月日|생년월일)"
)
BORN_WORDS = (
    "born", "birth", "dob", "d.o.b", "do.b", "d.ob", "gebor", "geb.", "geburts", "né le", "née le",
    "naissance", "nacid", "nacimiento", "nato ", "nata ", "nascita", "nascid", "nascimento",
    "geboorte", "urodz", "ur. ", "född", "födelse", "født", "fødsel", "synty", "narozen", "szület",
    "născut", "nașterii", "doğum", "рожден", "родил", "出生", "生日", "生年月日", "생년월일",
)  # fmt: skip
NUMERIC = (
    r"[0-9]{4}[./\-][0-9]{1,2}[./\-][0-9]{1,2}"
    r"|[0-9]{1,2}[./\- ] ?[0-9]{1,2}[./\- ] ?(?:[0-9]{4}|[0-9]{2})"
    r"|(?:19|20)[0-9]{6}"
    r"|[0-9]{4}[年년] ?[0-9]{1,2}[月월] ?[0-9]{1,2}[日일]"
)
SPELLED = (
    r"[0-9]{1,2}(?:st|nd|rd|th|er|\.|º)?(?:[ \-]| of | de )\pL{3,10}\.?(?:,? |-| de | del )[0-9]{4}"
    r"|\pL{3,10}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}"
    r"|[0-9]{4},? \pL{3,10} [0-9]{1,2}"
)
MONTHS = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "jan feb mär apr mai jun jul aug sep okt nov dez",
    "jan fév mar avr mai jui jui aoû sep oct nov déc",
    "ene feb mar abr may jun jul ago sep oct nov dic",
    "gen feb mar apr mag giu lug ago set ott nov dic",
    "jan fev mar abr mai jun jul ago set out nov dez",
    "jan feb maa apr mei jun jul aug sep okt nov dec",
    "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "led úno bře dub kvě čer čer srp zář říj lis pro",
    "oca şub mar nis may haz tem ağu eyl eki kas ara",
    "янв фев мар апр мая июн июл авг сен окт ноя дек",
    "tam hel maa huh tou kes hei elo syy lok mar jou",
)
MONTH_NAMES = frozenset(name for row in MONTHS for name in row.split())
"""First three letters of the months, in a dozen languages."""
FIRST_YEAR, LAST_YEAR = 1890, 2040

_number = re.compile("[0-9]+")
_letters = re.compile(r"[^\W\d_]{3,}")


def _birthday(text: str) -> bool:
    """Return whether *text* is a day that there was, or will soon be."""
    numbers = [int(one) for one in _number.findall(text)]
    if len(numbers) == 1:
        digits = str(numbers[0])
        numbers = [int(digits[:4]), int(digits[4:6]), int(digits[6:])]
    years = [one for one in numbers if FIRST_YEAR <= one <= LAST_YEAR]
    words = [one[:3].lower() for one in _letters.findall(text)]
    if words:
        return bool(years) and not MONTH_NAMES.isdisjoint(words) and is_day(1, min(numbers))
    first, second, third = numbers
    if years == [first]:
        return is_day(second, third)
    return (years == [third] or third < 100) and (  # noqa: PLR2004 - the last two of a year
        is_day(second, first) or is_day(first, second)
    )


DATE_OF_BIRTH = Entity(
    "pii.date_of_birth",
    "A day in figures or words, behind a word for being born in one of twenty languages.",
    (
        Pattern(
            rf"(?i:{BORN})(?s:[^0-9]{{0,40}}?)((?i:{NUMERIC}|{SPELLED}))",
            0.85,
            keywords=BORN_WORDS,
            before=1,
            hint=rf"(?i){BORN}",
            guard=alone(b"/"),
            check=_birthday,
            large=True,
        ),
    ),
)

BIRTHS = (DATE_OF_BIRTH,)
