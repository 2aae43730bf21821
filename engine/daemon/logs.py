"""Events in, lines on standard error out: JSON for machines, text for people; never content.

A line has an event in plain words and fields. Exceptions are told by kind and place in the code:
their texts might quote a request.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import TextIO

import orjson

NAME = "engine"
DOORS = "engine.doors.grpc"
"""The logger of the doors, which tells of calls that failed."""
SELDOM_SECONDS = 10.0
"""How often at most that is logged which callers bring about."""
MOST_KINDS = 100
"""Different things that are told apart in the log; what comes beyond is told as one."""
FIELDS = "fields"
NOTHING: Mapping[str, object] = {}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for *record*."""
        line: dict[str, object] = {
            "time": moment(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["error"] = describe_error(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    """``time level event name=value …``, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for *record*."""
        fields = dict(getattr(record, FIELDS, {}))
        if record.exc_info:
            fields["error"] = describe_error(record.exc_info[1])
        told = "".join(f"  {name}={shown(value)}" for name, value in fields.items())
        event = inert(record.getMessage())
        return f"{moment(record)} {record.levelname.lower():<7} {event}{told}"


def moment(record: logging.LogRecord) -> str:
    """Return when *record* was made, in UTC."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def shown(value: object) -> str:
    """Return *value* so that it stays on one line and shows where it ends."""
    text = str(value)
    plain = text.isprintable() and text and " " not in text
    return text if plain else inert(json.dumps(text, ensure_ascii=False))


def inert(text: str) -> str:
    """Return *text* with what nobody sees, and a terminal may obey, escaped as JSON does."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def describe_error(error: BaseException | None) -> str:
    """Return the kind of *error* and the way to it through the code, without its text."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    way = " > ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {way}" if way else type(error).__name__


class Log:
    """Writes events of the daemon. ``log.info("reloaded", revision=…)``.

    Every line ends with the fields in *always*.
    """

    def __init__(self, logger: logging.Logger, always: Mapping[str, object] = NOTHING) -> None:
        self._logger = logger
        self._always = always

    def debug(self, event: str, **fields: object) -> None:
        """Write what helps to find an error."""
        self._logger.debug(event, extra={FIELDS: {**fields, **self._always}})

    def info(self, event: str, **fields: object) -> None:
        """Write what an operator wants to know."""
        self._logger.info(event, extra={FIELDS: {**fields, **self._always}})

    def warning(self, event: str, **fields: object) -> None:
        """Write what an operator should look at."""
        self._logger.warning(event, extra={FIELDS: {**fields, **self._always}})

    def error(self, event: str, **fields: object) -> None:
        """Write what an operator must look at."""
        self._logger.error(event, extra={FIELDS: {**fields, **self._always}})

    def broken(self, event: str, error: BaseException) -> None:
        """Write that something broke in the code: where, without the error's text."""
        self._logger.error(event, exc_info=error, extra={FIELDS: dict(self._always)})


class Pace:
    """Lets something happen at most every so many *seconds*."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = -math.inf
        self._skipped = 0

    def due(self) -> dict[str, int] | None:
        """Return the field that says how many were left out; None where this one is, too."""
        now = self._clock()
        if now < self._next:
            self._skipped += 1
            return None
        self._next = now + self._seconds
        skipped, self._skipped = self._skipped, 0
        return {"more": skipped} if skipped else {}


class Seldom:
    """Writes an event with *write* at most every so many *seconds*, and how many it left out."""

    def __init__(
        self,
        write: Callable[..., None],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._pace = Pace(seconds, clock)

    def __call__(self, event: str, **fields: object) -> None:
        """Write the event, or count that it was not written."""
        more = self._pace.due()
        if more is not None:
            self._write(event, **fields, **more)


class EachSeldom(logging.Filter):
    """Lets a message of a door through at most every so many *seconds*, with how many it left out.

    A door tells of each call that failed: while a database is away, of thousands a second.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._paces: dict[str, Pace] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether *record* is written."""
        if record.name != DOORS:
            return True
        kind = kind_of(record.getMessage(), self._paces)
        more = self._paces.setdefault(kind, Pace(self._seconds, self._clock)).due()
        if more:
            setattr(record, FIELDS, {**getattr(record, FIELDS, NOTHING), **more})
        return more is not None


def kind_of(what: str, known: Collection[str]) -> str:
    """Return as what *what* is told: itself, or of many different things one for all the others."""
    return what if what in known or len(known) < MOST_KINDS else ""


def open_log(
    level: str, form: str, stream: TextIO | None = None, always: Mapping[str, object] = NOTHING
) -> Log:
    """Return the log that writes lines of at least *level* as ``json``, ``text`` or ``auto``.

    Other libraries' warnings come out in the same form. *always* are fields of every line.
    """
    out = stream or sys.stderr
    text = form == "text" or (form == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    handler.addFilter(EachSeldom(SELDOM_SECONDS))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger = logging.getLogger(NAME)
    logger.setLevel(level.upper())
    return Log(logger, always)
