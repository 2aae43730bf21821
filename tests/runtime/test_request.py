from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, ip_address
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.decision import Message
from engine.runtime.objections import Problem, kind_of
from engine.runtime.reader import build_reader
from engine.runtime.record import parse_duration
from engine.runtime.request import InvalidRequest, Request
from tests.runtime.made import FIELDS, request
from tests.runtime.reading import READER, context, full, problems


def test_every_group_exists_and_what_is_absent_is_none() -> None:
    record = READER.read(full())

    assert record.user.roles == frozenset()
    assert (record.session.turn, record.session.labels) == (0, frozenset())
    assert (record.context.topics, record.context.sizes) == (None, None)
    assert record.context.order.total is None
    assert record.context.order.lines.count is None
    assert (record.tool.name, record.model.name, record.usage.cost_usd) == (None, None, None)
    assert (record.content, record.messages, record.capabilities) == (None, None, None)
    assert (record.request_id, record.missing) == ("", ())


@pytest.mark.parametrize(
    ("name", "sent", "held"),
    [
        ("ratio", 1, 1.0),
        ("price", "5.50", Decimal("5.50")),
        ("price", 5, Decimal(5)),
        ("price", 0.1, Decimal("0.1")),
        ("price", Decimal("1.1"), Decimal("1.1")),
        ("due", "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("wait", "1h30m", timedelta(hours=1, minutes=30)),
        ("wait", "90s", timedelta(seconds=90)),
        ("wait", "250ms", timedelta(milliseconds=250)),
        ("wait", 1.5, timedelta(seconds=1.5)),
        ("wait", timedelta(days=2), timedelta(days=2)),
        ("ip", "10.0.0.1", IPv4Address("10.0.0.1")),
        ("ip", ip_address("::1"), ip_address("::1")),
        ("topics", ["a", "b", "a"], frozenset({"a", "b"})),
        ("topics", {"a"}, frozenset({"a"})),
        ("sizes", [2, 1, 2], (2, 1, 2)),
        ("nets", ["10.0.0.1"], frozenset({IPv4Address("10.0.0.1")})),
        ("count", 2**63 - 1, 2**63 - 1),
        ("count", None, None),
    ],
)
def test_values_arrive_as_the_values_of_the_language(name: str, sent: object, held: object) -> None:
    assert getattr(READER.read(context(**{name: sent})).context, name) == held


@pytest.mark.parametrize(
    ("name", "sent", "message"),
    [
        ("count", 2**63, "beyond 64 bits"),
        ("count", 1.0, "expected int, not a float"),
        ("count", True, "expected int, not a bool"),
        ("count", "1", "expected int, not a string"),
        ("ratio", float("nan"), "not finite"),
        ("ratio", float("inf"), "not finite"),
        ("ratio", "1", "expected float, not a string"),
        ("price", "NaN", "expected decimal: not finite"),
        ("price", "x", "expected decimal: no number"),
        ("price", True, "expected decimal, not a bool"),
        ("price", [], "expected decimal, not a list"),
        ("due", "2026-01-01T00:00:00", "expected a time with a zone, such as 2026-01-01T00:00:00Z"),
        ("due", datetime(2026, 1, 1), "expected a time with a zone, such as 2026-01-01T00:00:00Z"),  # noqa: DTZ001
        ("due", 5, "expected time, not an int"),
        ("wait", "soon", "expected duration: no duration, such as `90s`, `1h30m` or `250ms`"),
        ("wait", 1e300, "expected duration: too long for a duration"),
        ("wait", float("nan"), "expected duration: too long for a duration"),
        ("wait", True, "expected duration, not a bool"),
        ("ip", "10.0.0", "expected ip: no IPv4 or IPv6 address"),
        ("ip", 5, "expected ip, not an int"),
        ("flag", 1, "expected bool, not an int"),
        ("topics", "a", "expected set<string>, not a string"),
        ("topics", ["a", 1], "item 1: expected string, not an int"),
        ("topics", ["\ud800"], "holds half of a surrogate pair, which is no character"),
        ("sizes", [1, 2**70], "item 1: beyond 64 bits"),
        ("order", 5, "expected a record, not an int"),
    ],
)
def test_a_wrong_value_is_named(name: str, sent: object, message: str) -> None:
    assert problems(context(**{name: sent})) == {f"context.{name}": message}


def test_every_wrong_path_is_named_at_once() -> None:
    asked = {
        "tenant": {"id": "", "plan": "por"},
        "user": {"id": 5, "rolse": []},
        "stage": "requst",
        "usage": {"input_tokens": -1, "cost_usd": "-1"},
        "session": None,
        "contxt": {},
        "context": {"order": {"total": "x", "totl": 1}},
        "messages": ["x", {"role": "user", "txt": "a"}, {"role": 1, "text": "\ud800"}],
        "capabilities": ["maks"],
        "request_id": None,
    }

    assert problems(asked) == {
        "tenant.id": "must not be empty",
        "tenant.plan": 'expected "free" | "pro", did you mean `pro`?',
        "user.id": "expected string, not an int",
        "user.rolse": "unknown attribute, did you mean `user.roles`?",
        "stage": 'expected "request" | "response" | "tool_call" | "tool_result" | "document" | '
        '"tool_description", did you mean `request`?',
        "usage.input_tokens": "must not be negative",
        "usage.cost_usd": "must not be negative",
        "session": "expected a record, not null",
        "contxt": "unknown attribute, did you mean `content`?",
        "context.order.total": "expected decimal: no number",
        "context.order.totl": "unknown attribute, did you mean `context.order.total`?",
        "messages[0]": "expected a record of role and text, not a string",
        "messages[1].text": "required, but missing",
        "messages[1].txt": "unknown, did you mean `text`?",
        "messages[2].role": "expected string, not an int",
        "messages[2].text": "holds half of a surrogate pair, which is no character",
        "capabilities": 'item 0: expected "mask" | "mask_stream" | "wait" | "route", '
        "did you mean `mask`?",
        "request_id": "expected string, not null",
    }


def test_what_is_required_and_missing_is_named() -> None:
    assert problems({}) == {
        "stage": "required, but missing",
        "tenant.id": "required, but missing",
        "tenant.plan": "required, but missing",
        "user.id": "required, but missing",
    }
    assert problems(full(tenant={"id": None, "plan": "zzz"})) == {
        "tenant.id": "expected string, not null",
        "tenant.plan": 'expected "free" | "pro"',
    }
    assert problems(full(user=None)) == {"user": "expected a record, not null"}


@pytest.mark.parametrize(
    ("asked", "path", "message"),
    [
        (5, "", "expected a record, not an int"),
        (full(messages=5), "messages", "expected a list of messages, not an int"),
        (full(messages=[{"role": "u", "text": "t", "zzz": 1}]), "messages[0].zzz", "unknown"),
        (full(zzzzz=1), "zzzzz", "unknown attribute"),
        (full(content=5, capabilities=["mask"]), "content", "expected string, not an int"),
        (
            full(content="a", messages=[]),
            "messages",
            "give either `content` or `messages`, not both",
        ),
        (full(stage="tool_call"), "tool.name", 'required when stage is "tool_call"'),
        (full(usage={"cost_usd": -1}), "usage.cost_usd", "must not be negative"),
        (full(user={"id": "a\0b"}), "user.id", "must not hold a NUL character"),
        (full(request_id="\0"), "request_id", "must not hold a NUL character"),
        (full(session={"id": "\0"}), "session.id", "must not hold a NUL character"),
        (
            full(content="\ud800"),
            "content",
            "holds half of a surrogate pair, which is no character",
        ),
        (
            full(content="x" * 1_048_577),
            "content",
            "content too large: 1,048,577 characters, and the limit is 1,048,576",
        ),
        (
            full(messages=[{"role": "u", "text": "x" * 1_048_577}]),
            "messages",
            "content too large: 1,048,577 characters, and the limit is 1,048,576",
        ),
        (full(content="x", **{"(missing)": ["a"]}), "(missing)", "unknown attribute"),
    ],
)
def test_what_no_type_can_say_is_refused_too(asked: object, path: str, message: str) -> None:
    assert problems(asked)[path] == message


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("args", "path", "message"),
    [
        ({"a": [1, {"b": Decimal(1)}]}, "tool.args.a[1].b", "no JSON value"),
        ({"a": float("inf")}, "tool.args.a", "not finite"),
        ({"a": 2**63}, "tool.args.a", "beyond 64 bits"),
        ({1: 2}, "tool.args", "has a key that is no string"),
        (nested(65), "tool.args" + "[0]" * 65, "nested deeper than 64"),
        ({"a": 2**64}, "tool.args", "beyond 64 bits"),
        ({"a": "\ud800"}, "tool.args", "holds half of a surrogate pair, which is no character"),
        (nested(3000), "tool.args", "nested too deeply"),
    ],
)
def test_arguments_must_be_json(args: object, path: str, message: str) -> None:
    asked = full(stage="tool_call", tool={"name": "t", "args": args})

    assert problems(asked) == {path: message}


def test_arguments_keep_their_json() -> None:
    args: dict[str, object] = {"a": [None, True, 1, 1.5, "x", {"b": {}}]}

    record = READER.read(full(stage="tool_call", tool={"name": "t", "args": args}))

    assert record.tool.args == args


def test_a_request_object_is_read_like_a_mapping() -> None:
    asked = full(
        messages=[{"role": "user", "text": "hi"}], capabilities=["mask"], context={"count": 1}
    )
    made = Request(**(asked | {"messages": (Message(role="user", text="hi"),)}))

    assert READER.read(made) == READER.read(asked)
    assert READER.read(MappingProxyType(asked)) == READER.read(asked)
    assert problems(Request(tenant={"id": "n"}, user={}, stage="request")) == {
        "tenant.plan": "required, but missing",
        "user.id": "required, but missing",
    }


def test_json_is_read_whole() -> None:
    asked = full(content="hé", context={"price": "1.5", "wait": "5m"}, capabilities=["wait"])

    assert READER.read_json(json.dumps(asked).encode()) == READER.read(asked)
    with pytest.raises(InvalidRequest, match=r"^context\.count: expected int, not a string$"):
        READER.read_json(json.dumps(context(count="x")).encode())


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"content": "\\ud800"}', b"[" * 5000])
def test_what_is_no_json_is_one_problem(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^not JSON: "):
        READER.read_json(raw)
    if raw:
        with pytest.raises(InvalidRequest, match=r"^context: not JSON: "):
            READER.read_parts(full(), raw)


def test_parts_join_a_context_in_json() -> None:
    asked = context(price="1.5", order={"total": 2})
    standard = {name: value for name, value in asked.items() if name != "context"}

    assert READER.read_parts(standard, json.dumps(asked["context"]).encode()) == READER.read(asked)
    assert READER.read_parts(standard, b"") == READER.read(full())
    with pytest.raises(InvalidRequest) as raised:
        READER.read_parts(standard | {"stage": 5}, b'{"count": "x", "order": 5, "zzz": 1}')
    assert [problem.path for problem in raised.value.problems] == [
        "context.count",
        "context.order",
        "context.zzz",
        "stage",
    ]
    with pytest.raises(InvalidRequest) as raised:
        READER.read_parts(standard | {"stage": 5}, b'{"count": 1, "order": {"total": 5}}')
    assert [problem.path for problem in raised.value.problems] == ["stage"]
    with pytest.raises(InvalidRequest, match=r"^context: expected a record, not a list$"):
        READER.read_parts(standard, b"[]")


def test_the_limit_on_content_can_be_set() -> None:
    reader = build_reader(FIELDS, limit=3)

    assert reader.read(request(content="abc")).content == "abc"
    assert (
        problems(request(content="abcd"), reader)["content"]
        == "content too large: 4 characters, and the limit is 3"
    )


class Odd:
    """A mapping that the fast path refuses and the slow path finds nothing wrong with."""


def test_what_the_fast_path_refuses_is_refused_even_without_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = build_reader(FIELDS)
    monkeypatch.setattr(reader, "record_type", Odd)

    with pytest.raises(InvalidRequest, match="no request"):
        reader.read(request())


def test_a_name_can_be_shown_whatever_it_holds() -> None:
    found = problems(full(context={"\ud800": 1, "y" * 5_000: 1}))
    assert set(found) == {"context.\\ud800", f"context.{'y' * 100}…"}


def test_of_a_name_given_twice_the_last_counts() -> None:
    base = b'"tenant": {"id": "t", "plan": "SECRET", "plan": "pro"}, "user": {"id": "u"}'
    record = READER.read_json(b'{"stage": "nothing", "stage": "request", %s}' % base)
    assert (record.stage, record.tenant.plan) == ("request", "pro")
    for parts in (b'{"count": "x", "count": 2}', b'{"count": 1, "count": 2}'):
        assert READER.read_parts(full(), parts).context.count == 2


def test_problems_read_as_text() -> None:
    assert str(Problem("a.b", "wrong")) == "a.b: wrong"
    assert str(InvalidRequest((Problem("a", "x"), Problem("", "y")))) == "a: x; y"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (Decimal(1), "a decimal"),
        (datetime(2026, 1, 1, tzinfo=UTC), "a time"),
        (timedelta(1), "a duration"),
        (Message(role="a", text="b"), "a record"),
        (b"x", "a bytes"),
    ],
)
def test_kinds_have_the_authors_words(value: object, words: str) -> None:
    assert kind_of(value) == words


@pytest.mark.parametrize("text", ["", "5", "m", "1h 30m", "-5m", "1y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


# --- the two paths agree --------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1h", "10.0.0.1", "5.5", "2026-01-01T00:00:00Z", "pro", "\ud800"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
NAMES = [
    "count",
    "ratio",
    "price",
    "due",
    "wait",
    "ip",
    "flag",
    "topics",
    "sizes",
    "nets",
    "order",
    "z",
]


def read(values: Mapping[str, object]) -> tuple[Problem, ...]:
    """Return what is wrong with a context of *values*; nothing for one that is read."""
    try:
        record = READER.read(context(**values))
    except InvalidRequest as invalid:
        return invalid.problems
    msgspec.msgpack.encode(record, enc_hook=str)
    return ()


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4))
def test_the_slow_path_always_knows_why(values: Mapping[str, object]) -> None:
    for problem in read(values):
        group, name, *_ = problem.path.split(".")
        assert (group, name in values) == ("context", True), problem
