"""Decisions that are read by hand are those that protobuf reads, and share nothing."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pol_client import Decision, NoDecision
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import UNREADABLE, read_decision
from pol_client.reading import (
    ALIKE,
    MOST_ALIKE,
    MOST_PLACES,
    PLACES,
    read_answer,
    read_answers,
    read_batch,
    read_one,
)


def answer(number: int) -> wire.Decision:
    """Return one of many decisions that are alike."""
    made = wire.Decision(
        action=wire.ACTION_ALLOW,
        effective_action=wire.ACTION_ALLOW,
        request_id=f"r{number}",
        decision_id=f"d{number}",
        evaluated_in_ns=number,
        revision="abc",
        labels=["x"],
    )
    made.reasons.add(policy="p", message="m", action=wire.ACTION_ALLOW)
    return made


def same(raw: bytes) -> None:
    """Check that both ways come to the same."""
    try:
        expected: object = read_decision(wire.Decision.FromString(raw))
    except UNREADABLE:
        expected = "INTERNAL"
    for _ in range(2):  # Once as it comes, and once from what is remembered.
        try:
            found: object = read_one(raw)
        except NoDecision as error:
            found = error.code
        assert found == expected


def test_decisions_that_are_alike_are_read_alike_and_share_nothing_that_can_change() -> None:
    slow = [read_decision(answer(number)) for number in range(3)]
    quick = [read_one(answer(number).SerializeToString()) for number in range(3)]
    assert quick == slow
    quick[0].advice["w"] = 1  # type: ignore[index]
    quick[1].advice["x"] = 1  # type: ignore[index]
    quick[2].attributes["y"] = "z"  # type: ignore[index]
    for number in (3, 4):
        later = read_one(answer(number).SerializeToString())
        assert later.advice == later.attributes == {}
    with pytest.raises(FrozenInstanceError):
        quick[0].revision = "z"  # type: ignore[misc]


def test_what_is_read_by_hand_is_a_decision_like_any_other() -> None:
    first, second = (read_one(answer(1).SerializeToString()) for _ in range(2))
    made = Decision(**{each.name: getattr(first, each.name) for each in fields(Decision)})
    assert first == second == made
    assert repr(first) == repr(made)
    assert replace(first, revision="z").revision == "z"


def test_decisions_that_hold_something_of_their_own_are_not_remembered() -> None:
    ALIKE.clear()
    own: list[dict[str, Any]] = [
        {"content": "x"},
        {"arguments_json": b"[1]"},
        {"advice_json": b'{"a": 1}'},
        {"attributes": {"a": "b"}},
        {"throttle": wire.Throttle(limit="1", remaining="0")},
        {"escalation": wire.Escalation(review_id="r")},
        {"error": wire.Error(code=3)},
        {"revision": "r" * 2_000},
    ]
    for given_ in own:
        same(wire.Decision(**given_, decision_id="d").SerializeToString())
    assert not ALIKE


def proper(number: int, **given_: Any) -> bytes:
    """Return one with an id as daemons make them, behind *number* labels."""
    made = wire.Decision(
        action=wire.ACTION_ALLOW,
        decision_id=str(uuid5(NAMESPACE_OID, str(number))),
        evaluated_in_ns=(number + 1) << 7 * (number % 5),
        revision="r" * number,
        **given_,
    )
    return made.SerializeToString()


def test_ids_are_found_where_others_had_them_and_anywhere_else() -> None:
    ALIKE.clear()
    PLACES.clear()
    for turn in range(3):
        for number in (0, 3, 1, 2, *range(4, 4 + 2 * MOST_PLACES)):
            for given_ in ({}, {"request_id": f"r{turn}"}, {"labels": [f"j${'x' * 36}p"]}):
                same(proper(number, **given_))
    assert len(PLACES) == MOST_PLACES
    assert all(known.place >= 0 for known in ALIKE.values())


def test_what_looks_like_an_id_in_the_middle_of_something_else_is_none() -> None:
    PLACES.clear()
    ALIKE.clear()
    same(proper(1))
    # The same bytes but for a text that holds what elsewhere is the id and its time.
    (place, *_) = PLACES
    inner = b"j$" + b"0" * 36 + b"p\x05"
    for size in range(place):
        before = b"\x10\x02" + b"b" + bytes((size + len(inner),)) + b"r" * size
        same(before + inner)
        same(before + inner + proper(1))
        same(proper(1)[:place] + inner + proper(1)[place:])
    same(proper(1)[:-1] + b"\x80\x00")  # A time that is longer than it need be,
    same(proper(1)[:-1] + b"\x80")  # and one that does not end.
    same(proper(1, request_id="r")[:-1] + b"\x80")
    same(b"\x0a\x7f" + proper(1))
    cut = proper(1)[:-1] + b"\x80"
    raw = b"\x0a" + bytes((len(cut),)) + cut + b"\x0a" + bytes((len(cut),)) + proper(1) + b"\x00"
    with pytest.raises(NoDecision, match="no valid protobuf"):
        read_batch(raw)


def test_few_are_remembered() -> None:
    ALIKE.clear()
    for number in range(MOST_ALIKE + 1):
        raw = wire.Decision(revision=str(number)).SerializeToString()
        assert read_one(raw).revision == str(number)
    assert len(ALIKE) == 1


def test_of_many_it_is_known_how_long_the_slowest_took_and_whether_one_failed() -> None:
    ALIKE.clear()
    many = [proper(number) for number in (1, 9, 2)]
    times = [wire.Decision.FromString(one).evaluated_in_ns for one in many]
    for _ in range(2):
        raw = wire.DecideBatchResponse(decisions=map(wire.Decision.FromString, many))
        found = read_answers(raw.SerializeToString(), alone=False)
        assert [one.evaluated_in for one in found.decisions] == times
        assert (found.slowest, found.failed) == (max(times), False)
        raw.decisions.add(error=wire.Error(code=3))
        assert read_answers(raw.SerializeToString(), alone=False).failed
        odd = raw.SerializeToString() + b"\x10\x07"
        assert read_answers(odd, alone=False).slowest == max(times)
    assert read_answers(many[1], alone=True).slowest == times[1] > times[0]


RAW = answer(300).SerializeToString()
PROPER = proper(300)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        RAW[:-1],
        RAW + RAW,  # The later of two counts, and lists go on.
        b"\x8a\x00\x01r" + RAW,  # A field's number that is longer than it need be.
        RAW + b"\xf0\x00\x05",
        b"\x70" + b"\xff" * 9 + b"\x01",  # A time below zero, in ten bytes.
        b"\x70\x85\x00",  # A number that is longer than it need be.
        b"\x70\xff",
        b"\x70" + b"\x80" * 8 + b"\x01",
        b"\x68\x01" + RAW,  # An id that is a number.
        b"\x6a\x02\xff\xfe",  # An id that is no text.
        b"\x0a\x02\xff\xfe",
        b"\x6a\x7fd",  # An id that is longer than all that came.
        b"\x6a" + b"\xff" * 8 + b"\x7f",
        b"\x00\x01",  # Field 0.
        b"\x02\x01",
        b"\x0f",
        b"\xf9\x07" + b"12345678",  # A field of a newer daemon: eight bytes,
        b"\xfd\x07" + b"1234",  # four,
        b"\xfb\x07\x08\x01\xfc\x07" + RAW,  # and a group.
        b"\xf9\x07" + b"1234",
        b"\xfb\x07",
    ],
)
def test_odd_bytes_are_read_as_protobuf_reads_them(raw: bytes) -> None:
    same(raw)


@given(st.binary(max_size=40), st.integers(0, len(RAW)), st.integers(0, len(RAW)))
@example(b"", 0, 0)
@example(b"\0\0\0\0\x5a\x1b\x01\0", 2, 0)  # Advice that is no text.
@example(b"\0\0\0\0\x5a\x01\x80", 2, 0)
def test_any_bytes_are_read_as_protobuf_reads_them(data: bytes, head: int, tail: int) -> None:
    same(RAW[:head] + data + RAW[tail:])
    same(PROPER[:head] + data + PROPER[tail:])
    same(data)


def test_an_answer_to_many_holds_them_in_their_order() -> None:
    many = [answer(number) for number in (1, 1, 2)]
    raw = wire.DecideBatchResponse(decisions=many).SerializeToString()
    assert read_batch(raw) == [*map(read_decision, many)]
    assert read_batch(raw + b"\x10\x07") == [*map(read_decision, many)]  # A newer daemon says more.
    assert read_batch(b"") == []


@pytest.mark.parametrize("raw", [b"\x0a\x03x", b"\x0a\x01\xff", b"\xff", b"\x10\x07\x0a\x01\xff"])
def test_an_answer_that_is_none_is_no_decision(raw: bytes) -> None:
    with pytest.raises(NoDecision, match="no valid protobuf") as caught:
        read_batch(raw)
    assert caught.value.code == "INTERNAL"


def test_one_that_could_not_be_decided_is_no_decision() -> None:
    raw = wire.Decision(error=wire.Error(code=9, message="m")).SerializeToString()
    with pytest.raises(NoDecision, match="m") as caught:
        read_answer(raw)
    assert caught.value.code == "FAILED_PRECONDITION"
    assert read_one(raw).failure is not None
