from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import given

from engine.cli.audit_text import describe
from engine.sinks.forms_taken import Taken
from engine.storage.read import Kept
from engine.storage.wanted import Found, fields_of
from tests.sinks import samples
from tests.sinks.samples import ALL, strange


def told(record: object) -> str:
    """Return what is shown of *record*, without its time."""
    return shown(msgspec.json.encode(record, enc_hook=str)).removeprefix(samples.TIME).strip()


def shown(payload: bytes) -> str:
    return describe(Found(Kept(samples.TIME, "ab", 7, payload), fields_of(payload)))


def harmless(line: str) -> bool:
    """Return whether *line* is one line of which a terminal only shows characters."""
    return all(one.isprintable() or unicodedata.category(one) == "Zs" for one in line)


REPLACE = msgspec.structs.replace


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (samples.ALLOWED, "allow     request  north/u1    d-allowed"),
        (
            REPLACE(samples.REVIEW, waited=61.4),
            (
                "review      approved by ann@example.com  after 61 s  now approved  "
                "leads  north/u1  rv1"
            ),
        ),
        (
            REPLACE(samples.OPENED, act="handed_over"),
            "review      handed over  now open  leads  north/u1  rv1",
        ),
        (
            samples.SETTLEMENT,
            (
                "settlement  settled  input_tokens 120, output_tokens 30, cost_usd 0.0042  "
                "north  d-allowed"
            ),
        ),
        (
            REPLACE(samples.SETTLEMENT, settled=False, amounts={}, tenant=""),
            "settlement  nothing waited for it  d-allowed",
        ),
        (samples.RELOAD, "reload      accepted  rev-1 -> rev-2  3 policies, 12 rules"),
        (
            REPLACE(samples.RELOAD, previous="", policies=1, rules=1),
            "reload      accepted  rev-2  1 policy, 1 rule",
        ),
        (samples.REFUSED, "reload      refused  rev-2 goes on deciding  E201 a.pol:3:9"),
        (REPLACE(samples.REFUSED, why=()), "reload      refused  rev-2 goes on deciding"),
        (samples.STARTED, "admin       started by daemon"),
        (samples.ERASED, "admin       erased by dpo  tenant south, count 3"),
        (
            samples.GAP,
            (
                "gap         3 records lost to the sink siem, of the trail ab from 9 on  "
                "1 denied  disk full"
            ),
        ),
        (
            REPLACE(samples.GAP, lost=1, denied=0, doubtful=2, since="then", sink="", why=""),
            "gap         1 record lost  2 doubtful  since then",
        ),
        (samples.CUT, "cut         17 bytes of a record that was being written were cut off"),
        (
            REPLACE(samples.CUT, lost=0),
            "cut         the last record of a crashed process is whole",
        ),
        ({"kind": "new", "time": "t", "a": [1], "b": "c"}, "new         a [1], b c"),
        (
            {"kind": "settlement", "amounts": {"a": 10**30}},
            f"settlement  nothing waited for it  a {10**30}",
        ),
        ({"kind": "admin", "act": "x", "what": {"a": "y" * 400}}, f"admin       x  a {'y' * 297}…"),
    ],
)
def test_a_record_is_told_in_a_line(record: object, line: str) -> None:
    assert told(record) == line


def test_what_is_no_record_says_so() -> None:
    assert shown(b"no json") == f"{samples.TIME}  unreadable"


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.uid)
def test_no_record_is_shown_as_code_or_over_several_lines(one: Taken) -> None:
    line = shown(one.payload)
    assert "{'" not in line
    assert harmless(line)


@given(strange)
def test_no_field_commands_the_terminal_or_stops_the_listing(one: Taken) -> None:
    assert harmless(shown(one.payload))
