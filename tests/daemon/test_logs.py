from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from ipaddress import ip_address

import grpc
import pytest

from engine.daemon.logs import DOORS, EachSeldom, Log, Seldom, describe_error, open_log
from engine.doors.grpc.status import refusal_of
from engine.storage.reviews import ReviewsUnavailable

SECRET = "4111 1111 1111 1111"


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """Put logging back as pytest had it."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(log: Log, stream: io.StringIO) -> list[str]:
    log.debug("small")
    log.info("policies loaded", revision="abc", rules=3)
    log.warning("look", why="two\nlines", empty="")
    log.error("bad", source=ip_address("10.0.0.1"))
    return stream.getvalue().splitlines()


def test_machines_get_one_json_object_a_line() -> None:
    stream = io.StringIO()
    found = [json.loads(line) for line in lines(open_log("debug", "json", stream), stream)]
    assert [(one["level"], one["event"]) for one in found] == [
        ("debug", "small"),
        ("info", "policies loaded"),
        ("warning", "look"),
        ("error", "bad"),
    ]
    assert (found[1]["revision"], found[1]["rules"]) == ("abc", 3)
    assert found[3]["source"] == "10.0.0.1"
    assert found[0]["time"].endswith("+00:00")


def test_people_get_text_on_one_line() -> None:
    stream = io.StringIO()
    found = lines(open_log("info", "text", stream), stream)
    assert len(found) == 3
    assert found[0].endswith("info    policies loaded  revision=abc  rules=3")
    assert found[1].endswith('look  why="two\\nlines"  empty=""')


@pytest.mark.parametrize("sent", ["\x1b[2J", "\x9b2J", "a\u2028b", "\u202eb", "\x7f", "\U000e0041"])
def test_no_terminal_obeys_what_callers_have_sent(sent: str) -> None:
    stream = io.StringIO()
    log = open_log("info", "text", stream)
    log.warning("unknown", decision=sent, why=f"it is {sent}, is it not")
    logging.getLogger("another").warning("of %s", sent)
    told = stream.getvalue().split("\n")
    assert [one.isprintable() for one in told] == [True] * 3
    (quoted,) = [json.loads(one[len("why=") :]) for one in told[0].split("  ") if "why=" in one]
    assert quoted == f"it is {sent}, is it not"


def test_letters_of_all_languages_are_shown_as_they_are() -> None:
    stream = io.StringIO()
    open_log("info", "text", stream).info("x", why="größer als 你好")
    assert stream.getvalue().endswith('why="größer als 你好"\n')


@pytest.mark.parametrize(("stream", "starts"), [(Terminal(), "2"), (io.StringIO(), "{")])
def test_auto_is_text_on_a_terminal_and_json_elsewhere(stream: io.StringIO, starts: str) -> None:
    open_log("info", "auto", stream).info("x")
    assert stream.getvalue().startswith(starts)


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_broke_is_told_by_kind_and_place_without_its_text(form: str) -> None:
    stream = io.StringIO()
    log = open_log("info", form, stream)
    with pytest.raises(KeyError) as caught:
        dict[str, str]()[SECRET]
    log.broken("a task broke", caught.value)
    written = stream.getvalue()
    assert "KeyError at " in written
    assert "test_logs.py:" in written
    assert SECRET not in written


def test_other_libraries_warn_in_the_same_form() -> None:
    stream = io.StringIO()
    open_log("debug", "json", stream)
    logging.getLogger("elsewhere").warning("careful with %s", "that")
    logging.getLogger("elsewhere").info("chatter")
    assert json.loads(stream.getvalue())["event"] == "careful with that"


def test_without_an_error_there_is_nothing_to_describe() -> None:
    assert describe_error(None) == ""
    assert describe_error(ValueError("x")) == "ValueError"


def test_what_callers_bring_about_is_written_seldom() -> None:
    written: list[dict[str, object]] = []
    now = 0.0

    def write(event: str, **fields: object) -> None:
        written.append({"event": event, **fields})

    seldom = Seldom(write, 10, lambda: now)
    for now in (0.0, 1.0, 9.9, 10.0, 20.5):
        seldom("unknown", decision=f"d{now}")
    assert written == [
        {"event": "unknown", "decision": "d0.0"},
        {"event": "unknown", "decision": "d10.0", "more": 2},
        {"event": "unknown", "decision": "d20.5"},
    ]


def test_calls_that_fail_again_and_again_are_told_seldom_and_counted() -> None:
    stream = io.StringIO()
    open_log("info", "json", stream)
    away, never = ReviewsUnavailable("the database is away"), ReviewsUnavailable("it is full")
    for error in [away] * 500 + [never] * 3:
        assert refusal_of(error).code is grpc.StatusCode.UNAVAILABLE
    assert [json.loads(one)["event"] for one in stream.getvalue().splitlines()] == [
        "the reviews cannot be reached: the database is away",
        "the reviews cannot be reached: it is full",
    ]


def test_what_was_left_out_of_a_message_is_told_with_the_next() -> None:
    now = 0.0
    seldom = EachSeldom(10.0, lambda: now)
    told: list[tuple[str, object]] = []
    times = [(0.0, "a"), (1.0, "b"), (2.0, "a"), (9.9, "a"), (10.0, "a"), (30.0, "a")]
    for now, text in times:  # noqa: B007  the clock tells it
        record = logging.LogRecord(DOORS, logging.ERROR, "", 0, "it is %s", (text,), None)
        if seldom.filter(record):
            told.append((record.getMessage(), getattr(record, "fields", {})))
    assert told == [("it is a", {}), ("it is b", {}), ("it is a", {"more": 2}), ("it is a", {})]
    many = [logging.LogRecord(DOORS, logging.ERROR, "", 0, str(n), (), None) for n in range(200)]
    assert sum(seldom.filter(one) for one in many) == 99  # And of the others one for all.
    other = [logging.LogRecord("engine", logging.ERROR, "", 0, "x", (), None) for _ in range(9)]
    assert all(seldom.filter(one) for one in other)
