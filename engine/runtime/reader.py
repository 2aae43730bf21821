"""A request in the door's form in, a checked record out, or every wrong path at once.

The fast path lets msgspec convert and validate in C. Only when that fails, ``objections`` walks the
request again, slowly, and lists everything that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import isfinite
from operator import attrgetter
from typing import Any, cast

import msgspec
from msgspec.structs import fields as fields_of

from engine.content.windows import LONG
from engine.language.program import Field
from engine.language.required import required, required_by_word
from engine.language.types import Scalar
from engine.runtime.arguments import names_in, texts_in
from engine.runtime.decision import Message
from engine.runtime.objections import Problem, asked_by, list_problems, too_large
from engine.runtime.record import (
    ELSEWHERE,
    MAX_INT,
    Record,
    decode_custom,
    default_of,
    make_types,
    read_attribute,
)
from engine.runtime.request import CONTENT_LIMIT, InvalidRequest, OnTooLarge, Request
from engine.runtime.table import Table

ARGUMENTS_DEPTH = 64
"""How deep tool arguments may nest."""

WHO = ("tenant", "user", "stage")

KEYS = ("request_id", "tenant.id", "user.id", "session.id")
"""Where a NUL character is refused: these become keys of state."""


@dataclass(frozen=True, slots=True)
class Join:
    """How one facts table fills a group: by its id, each column into its place."""

    group: tuple[str, ...]
    columns: tuple[tuple[tuple[str, ...], str], ...]
    defaults: tuple[object, ...]
    rows: Mapping[str, tuple[object, ...]]
    required: tuple[str, ...]

    def fill(self, record: Record) -> tuple[str, ...]:
        """Assign the facts of the record's id; return the required paths that stay unknown.

        Invariant: what a facts file supplies is never taken from the request, known id or not.
        """
        group: Any = record
        for name in self.group:
            group = getattr(group, name)
        row = self.rows.get(group.id)
        if row is None:
            for (parents, name), value in zip(self.columns, self.defaults, strict=True):
                setattr(_descend(group, parents), name, value)
            return self.required
        for (parents, name), value in zip(self.columns, row, strict=True):
            setattr(_descend(group, parents) if parents else group, name, value)
        return ()


def fill(joins: Sequence[Join], record: Record) -> tuple[str, ...]:
    """Assign what *joins* know about *record*; return the required paths that stay unknown."""
    missing: tuple[str, ...] = ()
    for join in joins:
        missing += join.fill(record)
    return missing


def _descend(group: Any, parents: tuple[str, ...]) -> Any:
    for name in parents:
        group = getattr(group, name)
    return group


class Reader:
    """Turns requests into records of one schema. Made by ``build_reader``."""

    def __init__(
        self,
        fields: Mapping[str, Field],
        facts: Mapping[str, Table],
        limit: int,
        *,
        refuse: bool,
        long: int,
    ) -> None:
        self._fields = fields
        self._limit = limit
        self.least = min(limit, long)
        """With so many characters at most a request is neither long nor too large."""
        self._long = long
        self._refuse = refuse
        self._joins = tuple(_join(table, fields) for table in facts.values())
        self.context_joins = tuple([one for one in self._joins if one.group[0] == "context"])
        """What facts fill in anew for each request, since they are not about who asks."""
        self._supplied = frozenset(
            f"{table.group}.{column}" for table in facts.values() for column in table.columns
        )
        self._asking = tuple(
            [(attrgetter(path), by_word) for path, by_word in required_by_word(fields).items()]
        )
        self._brings = _getters(fields)
        self._texts = _texts(fields)
        types = make_types(fields, self._supplied)
        self.record_type: Callable[..., Any] = types.record
        made: Any = types.record
        self.copy: Callable[[Any], Any] = made.__copy__
        self._wanted = tuple(one.name for one in fields_of(types.record) if one.required)
        self.wanted = tuple(one for one in self._wanted if one not in WHO)
        """Groups that a request must bring, beside who asks."""
        decoder: Callable[..., Any] = partial(msgspec.json.Decoder, dec_hook=decode_custom)
        self._decode: Callable[[bytes], Any] = decoder(types.record).decode
        self.decode_context: Callable[[bytes], Any] = decoder(types.context).decode
        self.convert_context: Callable[[object], Any] = partial(
            msgspec.convert, type=types.context, dec_hook=decode_custom
        )
        self.make_session: Callable[..., Any] = types.session
        self.make_usage: Callable[..., Any] = types.usage
        self.remembered: dict[bytes, Any] = {}
        """Groups that were checked and filled, by the bytes of a door. Bounded by its user."""
        self.context_bytes = b""
        self.context: Any = None
        """The context that was decoded last and its bytes, for a door. Nobody changes it."""
        # Encoding is the fastest way to visit every text: it fails on what cannot be UTF-8.
        self._visit = msgspec.msgpack.Encoder(enc_hook=_visible).encode

    @property
    def limit(self) -> int:
        """How many characters a content may have."""
        return self._limit

    def read(self, request: Request | Mapping[str, object]) -> Record:
        """Return *request* as a record, facts joined; InvalidRequest lists all that is wrong."""
        try:
            record = msgspec.convert(
                request, self.record_type, dec_hook=decode_custom, from_attributes=True
            )
            size = len(self._visit(record))
        except (
            msgspec.ValidationError,
            UnicodeEncodeError,
            RecursionError,
            OverflowError,
        ) as error:
            raise self._invalid(request, error) from None
        return self._finish(cast("Record", record), size)

    def read_json(self, raw: bytes) -> Record:
        """Return a whole request in JSON as a record: the fastest entrance, for who holds bytes.

        Where an object holds a name twice, the last one counts.
        """
        try:
            record = self._decode(raw)
        except msgspec.ValidationError:
            # Read once more: of a name that is given twice, the first may be what is wrong.
            return self.read(cast("Mapping[str, object]", _decode(raw, "")))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest((Problem("", f"not JSON: {error}"),)) from None
        return self._finish(cast("Record", record), len(raw))

    def read_parts(self, standard: Mapping[str, object], context: bytes) -> Record:
        """Return a record of the *standard* parts that a door has decoded, and *context* in JSON.

        Empty bytes mean no context.
        """
        if not context:
            return self.read(standard)
        try:
            made = self.decode_context(context)
        except msgspec.ValidationError:
            made = _decode(context, "context")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest((Problem("context", f"not JSON: {error}"),)) from None
        return self.read({**standard, "context": made})

    def _finish(self, record: Record, size: int) -> Record:
        """Join facts and check what types cannot say; *size* bytes hold all texts of *record*."""
        problems = self._faults(record)
        # Hot path: no text has more characters than the whole has bytes.
        if size > self.least and not problems:
            problems = self._weigh(record, size)
        return self.complete(record, problems, fill(self._joins, record))

    def complete(
        self, record: Record, problems: Sequence[Problem] = (), missing: tuple[str, ...] = ()
    ) -> Record:
        """Check what words of *record* ask for, beside what was checked before; return it."""
        for get, by_word in self._asking:
            word = get(record)
            if word in by_word:
                wrong, unknown = self._ask(record, word, by_word[word])
                problems, missing = [*problems, *wrong], missing + unknown
        if problems:
            raise InvalidRequest(tuple(problems))
        if missing:
            record.missing = missing  # type: ignore[misc]
        return record

    def reworded(
        self,
        record: Record,
        content: str | None,
        messages: tuple[Message, ...] | None,
        arguments: object,
    ) -> Record:
        """Return *record* as if it had come with these; InvalidRequest where it could not have.

        What is known of who asks, and about what, stays. *record* is left alone.
        """
        made = self.copy(record)
        made.content, made.messages = content, messages
        made.tool = msgspec.structs.replace(made.tool, args=arguments)
        made.long, made.too_large = False, ""
        problems = self._faults(made)
        if not problems and (size := len(self._visit(made))) > self.least:
            problems = self._weigh(made, size)
        return self.complete(cast("Record", made), problems)

    def of_asker(self, record: Record) -> Any:
        """Return a record that knows only who asks in *record*: groups that are `wanted` are None.

        It is to be copied and filled in.
        """
        made = self.record_type(**{name: getattr(record, name) for name in {*WHO, *self._wanted}})
        for name in self.wanted:
            setattr(made, name, None)
        return made

    def _weigh(self, record: Record, size: int) -> list[Problem]:
        """Mark a *record* with much text; return what is too much."""
        record.long = size > self._long  # type: ignore[misc]
        large = self._lengths(record) if size > self._limit else []
        if self._refuse:
            return large
        if large:
            record.too_large = "; ".join(map(str, large))  # type: ignore[misc]
        return []

    def _ask(
        self, record: Record, word: str, asked: frozenset[str]
    ) -> tuple[list[Problem], tuple[str, ...]]:
        """Return what is wrong, as *word* asks for it; and which of it the facts should supply."""
        # Hot path: nearly all bring all. No generator: compiled, it would be a list first.
        for get in self._brings[asked]:
            if get(record) is None:
                break
        else:
            return [], ()
        absent = [path for path in sorted(asked) if read_attribute(record, path) is None]
        problems = [
            Problem(path, asked_by(self._fields[path], word))
            for path in absent
            if path not in self._supplied
        ]
        return problems, tuple(path for path in absent if path in self._supplied)

    def _faults(self, record: Record) -> list[Problem]:
        """Return what is wrong beyond types; called for every request."""
        found: list[Problem] = []
        tool = record.tool
        if record.messages is not None and record.content is not None:
            found.append(Problem("messages", "give either `content` or `messages`, not both"))
        if tool.args is not None:
            found.extend(check_json(tool.args, "tool.args", 0))
        cost = record.usage.cost_usd
        if cost is not None and cost < 0:
            found.append(Problem("usage.cost_usd", "must not be negative"))
        if "\0" in f"{record.request_id}{record.tenant.id}{record.user.id}{record.session.id}":
            found.extend(_nul_problems(record))
        return found

    def _lengths(self, record: Record) -> list[Problem]:
        """Return what holds more text than detectors should have to look at."""
        lengths = {path: len(read_attribute(record, path) or "") for path in self._texts}
        lengths["content"] = len(record.content or "")
        lengths["messages"] = sum(len(message.text) for message in record.messages or ())
        arguments = record.tool.args
        lengths["tool.args"] = sum(map(len, (*texts_in(arguments), *names_in(arguments))))
        return [
            Problem(path, too_large(length, self._limit))
            for path, length in lengths.items()
            if length > self._limit
        ]

    def _invalid(self, request: object, error: Exception) -> InvalidRequest:
        raw = msgspec.structs.asdict(request) if isinstance(request, Request) else request
        problems = list_problems(raw, self._fields, self._supplied)
        # Invariant: what the fast path refused is refused, even if the slow path cannot say why.
        # Its text is not told: it may repeat what was sent.
        return InvalidRequest(problems or (Problem("", f"no request ({type(error).__name__})"),))


def build_reader(
    fields: Mapping[str, Field],
    facts: Mapping[str, Table] | None = None,
    *,
    limit: int = CONTENT_LIMIT,
    on_too_large: OnTooLarge = "refuse",
    long: int = LONG,
) -> Reader:
    """Return the reader for a schema (*fields* by path) and its *facts* tables (by group).

    *limit* is the most content a request may have, *long* how much makes its record ``long``.
    """
    return Reader(fields, facts or {}, limit, refuse=on_too_large == "refuse", long=long)


def _getters(
    fields: Mapping[str, Field],
) -> dict[frozenset[str], tuple[Callable[[Any], object], ...]]:
    """Return what reads that for which some word asks."""
    return {
        asked: tuple([attrgetter(path) for path in asked])
        for by_word in required_by_word(fields).values()
        for asked in by_word.values()
    }


def _texts(fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the paths of the text attributes that are read as all others are."""
    texts = [path for path, field in fields.items() if field.type is Scalar.TEXT]
    return tuple([path for path in texts if path not in ELSEWHERE])


def _join(table: Table, fields: Mapping[str, Field]) -> Join:
    paths = [f"{table.group}.{column}" for column in table.columns]
    columns = [tuple(column.split(".")) for column in table.columns]
    return Join(
        group=tuple(table.group.split(".")),
        columns=tuple((column[:-1], column[-1]) for column in columns),
        defaults=tuple(default_of(fields[path]) for path in paths),
        rows=table.rows,
        required=tuple(path for path in paths if required(fields[path])),
    )


def _decode(raw: bytes, path: str) -> object:
    """Return any JSON value; what has wrong kinds at the front may be no JSON further on."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest((Problem(path, f"not JSON: {error}"),)) from None


def _visible(value: object) -> object:
    """Return something that msgpack can encode for *value*, with all its text."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def _nul_problems(record: Record) -> list[Problem]:
    values = (record.request_id, record.tenant.id, record.user.id, record.session.id)
    return [
        Problem(path, "must not hold a NUL character")
        for path, value in zip(KEYS, values, strict=True)
        if value is not None and "\0" in value
    ]


def check_json(value: object, path: str, depth: int) -> list[Problem]:
    """Return what in *value* is no JSON: other kinds, huge or infinite numbers, deep nesting."""
    if depth > ARGUMENTS_DEPTH:
        return [Problem(path, f"nested deeper than {ARGUMENTS_DEPTH}")]
    match value:
        case None | bool() | str():
            return []
        case int():
            return [] if -MAX_INT - 1 <= value <= MAX_INT else [Problem(path, "beyond 64 bits")]
        case float():
            return [] if isfinite(value) else [Problem(path, "not finite")]
        case list():
            return [
                problem
                for index, item in enumerate(value)
                for problem in check_json(item, f"{path}[{index}]", depth + 1)
            ]
        case dict():
            return [
                problem
                for key, item in value.items()
                for problem in (
                    check_json(item, f"{path}.{key}", depth + 1)
                    if isinstance(key, str)
                    else [Problem(path, "has a key that is no string")]
                )
            ]
        case Decimal() | _:
            return [Problem(path, "no JSON value")]
