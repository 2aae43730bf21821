from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import msgspec

from engine.language.schema import STANDARD
from engine.runtime.decision import (
    Decision,
    Escalation,
    Reason,
    Redaction,
    Shadow,
    ThrottleState,
)
from engine.runtime.reader import build_reader
from engine.service import hashes, lines
from engine.service.entries import Entry
from engine.service.hashes import hash_content
from engine.service.lines import brief, known_path, make_entry, spelt
from engine.service.making import Making
from engine.service.record import NoRecorder
from engine.service.times import iso_time

NOW = 1_767_225_600_123_456_789
KEY = b"k" * 32
SECRET = "my card is 4111 1111 1111 1111"
RECORD = build_reader(STANDARD).read(
    {
        "request_id": "r1",
        "tenant": {"id": "north"},
        "user": {"id": "u1"},
        "stage": "request",
        "model": {"name": "large"},
        "tool": {"name": "refund"},
        "session": {"id": "s1"},
        "content": SECRET,
    }
)
REASON = Reason(policy="p", rule="p.r", action="redact", message="why", severity="high")
FULL = Decision(
    action="redact",
    effective_action="deny",
    downgrade_reason="the caller cannot mask",
    reasons=(REASON,),
    revision="abc",
    content="my card is [CARD]",
    redactions=(Redaction(path="content", start=11, end=30, entity="pii.card", strategy="label"),),
    throttle=ThrottleState(
        rule="p.t",
        unit="requests",
        limit=Decimal(10),
        remaining=Decimal(3),
        retry_after=timedelta(seconds=1.5),
        key="north",
    ),
    escalation=Escalation(
        review_id="rev1",
        queue="q",
        expires_at=datetime(2026, 1, 2, tzinfo=UTC),
        otherwise="deny",
    ),
    advice={"route": "sandbox", "note": SECRET, "cost": 3, "seen": (SECRET,), "at": timedelta(1)},
    labels=("tainted",),
    shadow=Shadow(action="deny", reasons=(REASON,)),
    request_id="r1",
    decision_id="d1",
    evaluated_in=12,
    degraded="the state store (it is away): `p.t` was not counted",
)


def entry() -> Entry:
    return make_entry(Making(record=RECORD, now=NOW), FULL, key=KEY, constants=frozenset({"route"}))


def test_the_line_tells_who_what_and_why() -> None:
    made = entry()
    assert made.time == "2026-01-01T00:00:00.123456Z"
    assert (made.tenant, made.user, made.stage, made.model, made.tool, made.session) == (
        "north",
        "u1",
        "request",
        "large",
        "refund",
        "s1",
    )
    assert (made.action, made.effective_action) == ("redact", "deny")
    assert made.reasons[0].rule == "p.r"
    assert made.redactions[0].length == 19
    assert made.throttle is not None
    assert made.throttle.retry_after == 1.5
    assert (made.review_id, made.shadow, made.labels) == ("rev1", "deny", ("tainted",))
    assert made.shadow_reasons == made.reasons
    assert made.degraded == FULL.degraded


def test_the_line_never_holds_content() -> None:
    line = msgspec.json.encode(entry()).decode()
    assert "4111" not in line
    assert "[CARD]" not in line


def test_names_inside_tool_arguments_are_content_too() -> None:
    assert known_path("tool.args.to.4111.0") == "tool.args"
    assert known_path("messages[2].text") == "messages[2].text"


def test_advice_is_written_as_it_is_only_where_the_policies_spell_it_out() -> None:
    assert entry().advice == {
        "route": "sandbox",
        "note": {"kind": "str", "length": len(SECRET)},
        "cost": 3,
        "seen": {"kind": "tuple", "length": 1},
        "at": {"kind": "timedelta"},
    }


def test_equal_contents_have_equal_hashes_that_only_the_key_can_make() -> None:
    assert entry().content_hash == hash_content(SECRET, KEY)
    assert hash_content(SECRET, KEY) != hash_content(SECRET + ".", KEY)
    assert hash_content(SECRET, KEY) != hash_content(SECRET, b"other")


def test_hashes_of_many_keys_are_not_remembered_for_ever() -> None:
    made = {hash_content(SECRET, b"%d" % number) for number in range(3 * hashes.MOST_KEYS)}
    assert len(made) == 3 * hashes.MOST_KEYS
    assert len(hashes.BEGUN) <= hashes.MOST_KEYS
    assert hash_content(SECRET, b"1") in made


def test_a_small_decision_makes_a_small_line() -> None:
    decision = Decision(action="allow", effective_action="allow", reasons=(), revision="abc")
    made = make_entry(
        Making(now=NOW, error="E at f:1"),
        decision,
        key=KEY,
        constants=frozenset(),
    )
    assert msgspec.json.decode(msgspec.json.encode(made)) == {
        "kind": "decision",
        "time": "2026-01-01T00:00:00.123456Z",
        "decision_id": "",
        "revision": "abc",
        "tenant": "",
        "user": "",
        "stage": "",
        "action": "allow",
        "effective_action": "allow",
        "evaluated_in": 0,
        "error": "E at f:1",
    }


def test_times_before_the_epoch_are_told_too() -> None:
    assert iso_time(-1_000) == "1969-12-31T23:59:59.999999Z"


def test_advice_that_no_json_knows_does_not_stop_the_record() -> None:
    decision = Decision(
        action="allow",
        effective_action="allow",
        reasons=(),
        revision="abc",
        advice={"from": ip_address("10.0.0.1")},
    )
    made = make_entry(Making(now=NOW), decision, key=KEY, constants=frozenset())
    assert made.advice == {"from": {"kind": "IPv4Address"}}


def test_no_recorder_keeps_nothing() -> None:
    recorder = NoRecorder()
    recorder.write(entry())
    recorder.reopen()
    recorder.close()
    assert recorder.dropped == 0


def test_of_a_long_value_that_a_policy_spells_out_the_length_is_told() -> None:
    assert spelt("x" * 501) == {"kind": "str", "length": 501}
    assert spelt(["x" * 500]) == {"kind": "list", "length": 1}
    assert spelt(["x"]) == ["x"]
    assert brief("x" * 501) == "x" * 499 + "…"


def test_no_more_entries_of_reasons_are_remembered_than_may_be() -> None:
    lines.known.clear()
    kept = [Reason(policy=f"p{each}", action="deny") for each in range(lines.REMEMBERED + 1)]
    for one in kept:
        lines.reason_entry(one)
    assert len(lines.known) == 1
    assert lines.reason_entry(kept[-1]) is lines.reason_entry(kept[-1])
