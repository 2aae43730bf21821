"""What is read straight from the bytes is what protobuf and the whole check read."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import example, given
from hypothesis import strategies as some

from engine.doors.grpc import read
from engine.doors.grpc.read import UNUSUAL, read_record, read_straight, read_whole
from engine.runtime.reader import Reader
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest
from engine.service.bundles import Recipe, load_folder
from engine.wire import engine_pb2 as wire
from tests.service.bundle import SECRET, write_folder

SCHEMA = """
schema {
  tenant.plan: "free" | "pro" ?
  user.clearance: int?
  model.region: string?
  context.amount: decimal?
  context.topics: set<string>?
}
policy p { default allow }
"""


def struct(made: dict[str, Any]) -> Struct:
    """Return *made* as protobuf has it."""
    message = Struct()
    message.update(made)
    return message


FULL = wire.DecideRequest(
    request_id="r",
    tenant_id="north",
    user_id="u1",
    user_roles=["nurse", "clerk"],
    stage=wire.STAGE_TOOL_CALL,
    content="hé" * 100,
    context_json=b'{"amount": "1.50", "topics": ["a"]}',
    attributes_json=b'{"tenant": {"plan": "pro"}, "user": {"clearance": 2}}',
    model=wire.Model(name="m", provider="p"),
    tool=wire.Tool(name="mail", server="s"),
    session=wire.Session(id="s-1", turn=300),
    usage=wire.Usage(input_tokens=200_000, output_tokens=0),
    source_ip="192.0.2.1",
    capabilities=wire.Capabilities(mask=True, wait=True),
)


def reader_of(folder: Path, files: dict[str, str]) -> Reader:
    """Return the reader of a policy folder with *files*."""
    return load_folder(write_folder(folder, files), Recipe(SECRET)).reader


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Return a reader that knows nothing yet."""
    return reader_of(tmp_path, {"p.pol": SCHEMA})


def straight(reader: Reader, message: wire.DecideRequest) -> bool:
    """Return whether *message* is read straight once it was seen; it is the same in any case."""
    raw = message.SerializeToString(deterministic=True)
    first, second = read_record(reader, raw), read_record(reader, raw)
    assert first == second == read_whole(reader, raw)
    known = len(reader.remembered)
    try:
        read_straight(reader, raw, [])
    except UNUSUAL:
        return False
    return b"" not in reader.remembered and known == len(reader.remembered) and learnt(reader, raw)


def learnt(reader: Reader, raw: bytes) -> bool:
    """Return whether *raw* is read without protobuf."""
    return read_straight(reader, raw, []) is not None


def changed(**fields: Any) -> wire.DecideRequest:
    """Return the full request with other *fields*; None takes one away."""
    made = wire.DecideRequest()
    made.CopyFrom(FULL)
    for name, value in fields.items():
        made.ClearField(name)
        if value is not None:
            made.MergeFrom(wire.DecideRequest(**{name: value}))
    return made


@pytest.mark.parametrize(
    "message",
    [
        FULL,
        wire.DecideRequest(tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST),
        changed(content=""),
        changed(content=None, messages=[wire.Message(role="user", text="hi"), wire.Message()]),
        changed(request_id=None, context_json=None, attributes_json=None, user_roles=None),
        changed(session=wire.Session(), usage=wire.Usage(), model=wire.Model()),
        changed(session=wire.Session(turn=1), usage=wire.Usage(output_tokens=5)),
        changed(capabilities=wire.Capabilities()),
        changed(tool=wire.Tool(name="mail", server="s", args_json=b'{"to": ["a"], "n": 1.5}')),
        changed(tool=wire.Tool(name="mail", args_json=b"null")),
        changed(context_json=None, context=struct({"topics": ["a", "b"], "amount": "1.5"})),
        changed(context_json=None, context=struct({"topics": None, "amount": 1.0})),
        changed(context_json=None, context=struct({})),
        changed(attributes_json=None, attributes=struct({"tenant": {"plan": "pro"}})),
        changed(attributes_json=None, attributes=struct({})),
    ],
)
def test_what_is_laid_out_as_usual_is_read_straight(
    reader: Reader, message: wire.DecideRequest
) -> None:
    assert straight(reader, message)


@pytest.mark.parametrize(
    "message",
    [
        changed(content="x" * 20_000),
        changed(approval="token"),
        changed(session=wire.Session(id="s", labels=["l"])),
        changed(usage=wire.Usage(cost_usd="0.1")),
        changed(usage=wire.Usage(input_tokens=2**40)),
        changed(attributes_json=b'{"model": {"region": "eu"}}'),
        changed(attributes_json=None, attributes=struct({"model": {"region": "eu"}})),
        changed(user_id="u" * 200),
        changed(user_roles=["r" * 120] * 10),
        changed(model=wire.Model(name="m" * 1_020)),
    ],
)
def test_what_is_unusual_is_read_as_a_whole(reader: Reader, message: wire.DecideRequest) -> None:
    assert not straight(reader, message)


def outcome(reader: Reader, raw: bytes, how: Any) -> object:
    """Return the record, or what is wrong."""
    try:
        return how(reader, raw)
    except InvalidRequest as error:
        return type(error), error.problems


@functools.cache
def shared() -> Reader:
    """Return a reader that remembers from case to case."""
    with tempfile.TemporaryDirectory() as folder:
        return reader_of(Path(folder), {"p.pol": SCHEMA})


def agree(raw: bytes) -> None:
    """Check that both ways come to the same, also when the bytes were seen before."""
    expected = outcome(shared(), raw, read_whole)
    assert outcome(shared(), raw, read_record) == expected
    assert outcome(shared(), raw, read_record) == expected


FEW = some.sampled_from(("", "a", "b\0", "é", "x" * 130))
JSON = some.sampled_from(
    (
        b"",
        b"{}",
        b'{"amount": 1}',
        b'{"amount": "x"}',
        b'{"tenant": {"plan": "pro"}}',
        b'{"tenant": {"plan": "pro"}, "model": {"region": "eu"}}',
        b'{"tenant": {"id": "other"}}',
        b"[",
        b'{"a": "\xff"}',
    )
)
STRUCTS = some.none() | some.sampled_from(
    (
        struct({}),
        struct({"amount": 1.0}),
        struct({"amount": "x"}),
        struct({"amount": float("nan")}),
        struct({"topics": ["a", "a"], "amount": None}),
        struct({"tenant": {"plan": "pro"}, "user": {"clearance": 2.0}}),
        struct({"tenant": {"plan": "pro"}, "model": {"region": "eu"}}),
        struct({"tenant": {"id": "other"}}),
    )
)
MESSAGES = some.builds(
    wire.DecideRequest,
    request_id=FEW,
    tenant_id=FEW,
    user_id=FEW,
    user_roles=some.lists(FEW, max_size=3),
    stage=some.sampled_from(wire.Stage.values()),
    content=some.none() | FEW,
    messages=some.lists(some.builds(wire.Message, role=FEW, text=FEW), max_size=2),
    context_json=JSON,
    context=STRUCTS,
    attributes_json=JSON,
    attributes=STRUCTS,
    model=some.none() | some.builds(wire.Model, name=FEW, version=FEW),
    tool=some.none() | some.builds(wire.Tool, name=FEW, args_json=JSON),
    session=some.none()
    | some.builds(wire.Session, id=FEW, turn=some.integers(-2, 2**20), labels=some.lists(FEW)),
    usage=some.none()
    | some.builds(
        wire.Usage,
        input_tokens=some.none() | some.integers(-1, 2**40),
        cost_usd=some.sampled_from(("", "1", "x")),
    ),
    source_ip=some.sampled_from(("", "192.0.2.1", "nowhere")),
    capabilities=some.none() | some.builds(wire.Capabilities, mask=some.booleans()),
    approval=FEW,
)


@given(MESSAGES)
def test_every_message_is_read_alike(message: wire.DecideRequest) -> None:
    agree(message.SerializeToString())


WHOLE = FULL.SerializeToString()


@example(2, b"\x81\x01", 1)
@given(some.integers(0, len(WHOLE)), some.binary(max_size=4), some.integers(0, 4))
def test_damaged_messages_are_read_alike(at: int, put: bytes, cut: int) -> None:
    agree(WHOLE)
    agree(WHOLE[:at] + put + WHOLE[at + cut :])


@given(some.binary(max_size=60), some.binary(max_size=60))
def test_any_bytes_before_and_behind_are_read_alike(before: bytes, behind: bytes) -> None:
    agree(before + WHOLE)
    agree(WHOLE + behind)


@pytest.mark.nightly
@given(some.lists(some.tuples(some.integers(0, len(WHOLE)), some.binary(max_size=3)), max_size=4))
def test_much_damage_is_read_alike(places: list[tuple[int, bytes]]) -> None:
    raw = WHOLE
    for at, put in places:
        raw = raw[:at] + put + raw[at + len(put) :]
    agree(raw)


def test_fields_out_of_order_or_given_again_are_read_as_protobuf_does(reader: Reader) -> None:
    who = wire.DecideRequest(tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST)
    raw = who.SerializeToString()
    for more in (
        wire.DecideRequest(tenant_id="other"),
        wire.DecideRequest(request_id="late"),
        wire.DecideRequest(content="x"),
        wire.DecideRequest(session=wire.Session(id="s")),
    ):
        for whole in (raw + more.SerializeToString(), more.SerializeToString() + raw):
            assert read_record(reader, raw) == read_whole(reader, raw)
            assert read_record(reader, whole) == read_whole(reader, whole)


@pytest.mark.parametrize(
    "args",
    [b'{"a": 1, "a": 2}', b"{", b"1e999", b"[" * 80 + b"]" * 80, b"12345678901234567890", b'"x"'],
)
def test_arguments_are_looked_at_alike(reader: Reader, args: bytes) -> None:
    known = changed(tool=wire.Tool(name="mail", args_json=b"{}")).SerializeToString()
    read_record(reader, known)
    raw = changed(tool=wire.Tool(name="mail", args_json=args)).SerializeToString()
    assert outcome(reader, raw, read_record) == outcome(reader, raw, read_whole)


def test_what_one_call_was_made_with_is_not_the_nexts(reader: Reader) -> None:
    for args in (b'{"a": 1}', b'{"b": 2}', b""):
        asked = changed(tool=wire.Tool(name="mail", args_json=args))
        made = record(reader, asked)
        assert made.tool.args == (json.loads(args) if args else None)


@pytest.mark.parametrize(
    "more",
    [
        b"\x42\x00",  # A context of no bytes,
        b"\x72\x02\x0a\x00",  # the id of a session,
        b"\x3a\x02\x12\x00",  # the text of a message.
        b"\x3a\x02\x18\x00",  # A message with a field that is not known;
        b"\x3a\x00" * 10_001,  # and more of them than may be.
    ],
)
def test_what_holds_nothing_is_read_alike(reader: Reader, more: bytes) -> None:
    raw = wire.DecideRequest(tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST)
    for _ in range(3):
        expected = outcome(reader, raw.SerializeToString() + more, read_whole)
        assert outcome(reader, raw.SerializeToString() + more, read_record) == expected


def test_no_more_is_remembered_than_may_be(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "REMEMBERED", 8)
    for number in range(30):
        made = changed(user_id=f"u{number}", model=wire.Model(name=f"m{number}"))
        assert read_record(reader, made.SerializeToString()).user.id == f"u{number}"
        assert len(reader.remembered) <= 8


ENTRY = struct({"tenant": {"plan": "pro"}}).SerializeToString()
"""``0a 1b`` | ``0a 06 tenant`` | ``12 11 ..``: an entry of a Struct, its name, and its value."""


@pytest.mark.parametrize(
    "attributes",
    [
        ENTRY[:2] + ENTRY[10:] + ENTRY[2:10],  # The value in front of its name,
        ENTRY + b"\x18\x01",  # a field that is not known,
        ENTRY * 2,  # a name twice,
        ENTRY,  # and what is as usual.
    ],
)
def test_attributes_that_are_laid_out_unusually_are_read_alike(
    reader: Reader, attributes: bytes
) -> None:
    made = wire.DecideRequest(tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST)
    raw = made.SerializeToString() + b"\x5a" + bytes([len(attributes)]) + attributes
    expected = outcome(reader, raw, read_whole)
    for _ in range(3):
        assert outcome(reader, raw, read_record) == expected


FACTS = """
schema {{ {group}.tier: string }}
facts {group} from "tiers.json"
policy p {{ default allow }}
"""


ACCOUNT = "schema { context.account.id: string? }"
"""What facts about an account need to be joined by."""


def with_facts(folder: Path, group: str, more: str = "") -> Reader:
    """Return a reader to whose *group* one id is known: ``known``. *more* stands before it."""
    tiers, policy = {"known": {"tier": "gold"}}, more + FACTS.format(group=group)
    return reader_of(folder, {"p.pol": policy, "tiers.json": json.dumps(tiers)})


def record(reader: Reader, message: wire.DecideRequest) -> Record:
    """Return *message* as a record, read for the third time."""
    raw = message.SerializeToString()
    made = [read_record(reader, raw) for _ in range(3)]
    assert made[0] == made[1] == made[2] == read_whole(reader, raw)
    return made[2]


def test_facts_about_who_asks_are_filled_in_once_and_shared(tmp_path: Path) -> None:
    reader = with_facts(tmp_path, "tenant")
    known = wire.DecideRequest(tenant_id="known", user_id="u", stage=wire.STAGE_REQUEST)
    assert record(reader, known).tenant.tier == "gold"
    assert learnt(reader, known.SerializeToString())
    known.tenant_id = "new"
    assert record(reader, known).missing == ("tenant.tier",)
    assert not learnt(reader, known.SerializeToString())


def test_facts_about_the_context_are_filled_in_for_each_request(tmp_path: Path) -> None:
    reader = with_facts(tmp_path, "context.account", ACCOUNT)
    asked = wire.DecideRequest(tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST)
    for name, tier in (("known", "gold"), ("new", None), ("known", "gold"), ("", None)):
        given = {"account": {"id": name, "tier": "lie"}} if name else {}
        for form in ({"context_json": json.dumps(given).encode()}, {"context": struct(given)}):
            made = wire.DecideRequest(**form)
            made.MergeFrom(asked)
            known = record(reader, made)
            assert known.context.account.tier == tier
            assert known.missing == (() if tier else ("context.account.tier",))
            assert learnt(reader, made.SerializeToString())
    assert record(reader, asked).missing == ("context.account.tier",)


WANTING = """
schema {
  context.amount: decimal
  model.region: string
}
policy p { default allow }
"""


def test_what_one_request_has_brought_is_not_taken_for_the_next(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, {"p.pol": WANTING})
    extra = b'{"model": {"region": "eu"}}'
    whole = wire.DecideRequest(
        tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST, context_json=b'{"amount": 1}'
    )
    whole.attributes_json = extra
    assert record(reader, whole).context.amount == 1
    for gone in ("context_json", "attributes_json"):
        lacking = wire.DecideRequest()
        lacking.CopyFrom(whole)
        lacking.ClearField(gone)
        with pytest.raises(InvalidRequest, match="required"):
            read_record(reader, lacking.SerializeToString())


def test_a_context_that_is_required_is_asked_for_each_time(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path, {"p.pol": "schema { context.amount: decimal } policy p { default allow }"}
    )
    whole = wire.DecideRequest(
        tenant_id="t", user_id="u", stage=wire.STAGE_REQUEST, context_json=b'{"amount": 1}'
    )
    assert record(reader, whole).context.amount == 1
    assert learnt(reader, whole.SerializeToString())
    whole.ClearField("context_json")
    with pytest.raises(InvalidRequest, match=r"context\.amount"):
        read_record(reader, whole.SerializeToString())


def test_a_context_is_read_anew_when_it_is_another(reader: Reader) -> None:
    long = f'{{"topics": ["{"x" * read.LONGEST}"]}}'.encode()
    one, other = b'{"amount": "1.50"}', b'{"amount": "2.50"}'
    for raw in (one, one, other, long, other, b"", other, long, long, one):
        asked = changed(context_json=raw).SerializeToString()
        assert read_record(reader, asked).context == read_whole(reader, asked).context
        assert reader.context_bytes in (one, other, b"")
    again = changed(context_json=one).SerializeToString()
    assert read_record(reader, again).context is read_record(reader, again).context


def test_a_stage_asks_for_its_tool_however_it_is_read(reader: Reader) -> None:
    at_stage = changed(tool=None)
    plain = changed(tool=None, stage=wire.STAGE_REQUEST)
    assert learnt(reader, plain.SerializeToString()) or record(reader, plain)
    for _ in range(2):
        with pytest.raises(InvalidRequest, match=r"tool\.name"):
            read_record(reader, at_stage.SerializeToString())


def test_what_is_long_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    files = {"p.pol": SCHEMA}
    folder = write_folder(tmp_path, files)
    reader = load_folder(folder, Recipe(SECRET, long_characters=100)).reader
    assert record(reader, changed(content="x" * 200)).long
    assert reader.remembered == {}
