"""Records of every kind as the engine writes them, and records that nobody would write."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from engine.runtime.certificate import Certificate
from engine.service.entries import (
    AdminEntry,
    ContentEntry,
    Entry,
    GapEntry,
    ReasonEntry,
    RedactionEntry,
    ReloadEntry,
    ReviewEntry,
    SettlementEntry,
    Spent,
    ThrottleEntry,
)
from engine.sinks.forms_taken import Taken, take
from engine.storage.header import Cut

TRAIL = "1f3a9c0b12de4f56"
TIME = "2026-01-01T00:00:00.123456Z"

DECISION = Entry(
    time=TIME,
    decision_id="0198c0de-0000-7000-8000-000000000001",
    request_id="r1",
    revision="rev-1",
    tenant="north",
    user="u1",
    stage="tool_call",
    model="openai/gpt-5",
    tool="refund",
    session="s1",
    action="redact",
    effective_action="deny",
    downgrade_reason="mask",
    reasons=(
        ReasonEntry(
            policy="desk",
            rule="desk.large",
            action="deny",
            severity="high",
            values={"context.amount": 900, "injection(content)": 0.93, "user.role": "clerk"},
        ),
        ReasonEntry(policy="mail", rule="mail.addresses", action="redact"),
    ),
    redactions=(
        RedactionEntry(entity="pii.email", path="messages[2].text", length=17),
        RedactionEntry(entity="pii.email", path="content", length=9),
    ),
    restored=1,
    throttle=ThrottleEntry(
        rule="desk.often",
        unit="requests",
        limit=Decimal(10),
        remaining=Decimal("0.25"),
        retry_after=1.5,
        window=60.0,
    ),
    advice={"ticket": "open", "score": 0.5},
    labels=("seen",),
    shadow="deny",
    shadow_reasons=(ReasonEntry(policy="trial", rule="trial.new", action="deny"),),
    evaluated_in=2_345_678,
    spent=Spent(read=1_000, decide=2_000_000, wait=300_000),
    degraded="local_share",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    span_id="00f067aa0ba902b7",
    client_certificate=Certificate(
        subject="CN=gateway", names=("DNS:gateway", "URI:spiffe://north/gateway"), sha256="9f" * 32
    ),
    content_hash="9f86d081884c7d65",
    arguments_hash="44136fa355b3678a",
    cut={"redactions": 10_000},
)

ALLOWED = Entry(
    time=TIME,
    decision_id="d-allowed",
    revision="rev-1",
    tenant="north",
    user="u1",
    stage="request",
    action="allow",
    effective_action="allow",
    evaluated_in=100,
)

ESCALATED = msgspec.structs.replace(
    DECISION, decision_id="d-held", effective_action="escalate", review_id="rv1", redactions=()
)

APPROVED = msgspec.structs.replace(
    ESCALATED, decision_id="d-passed", effective_action="allow", review="approved"
)

WITH_TEXT = msgspec.structs.replace(
    DECISION, decision_id="d-text", content=ContentEntry(text="write to [EMAIL]")
)
SEALED = msgspec.structs.replace(
    DECISION, decision_id="d-sealed", content=ContentEntry(sealed="c2VhbGVk", key="k1")
)
FAILED = msgspec.structs.replace(ALLOWED, effective_action="deny", error="ValueError", reasons=())

REVIEW = ReviewEntry(
    time=TIME,
    review_id="rv1",
    act="approved",
    who="ann@example.com",
    state="approved",
    round=1,
    tenant="north",
    user="u1",
    queue="leads",
    number=7,
)
OPENED = msgspec.structs.replace(REVIEW, act="opened", state="open", who="", number=5)
CLAIMED = msgspec.structs.replace(REVIEW, act="claimed", state="open", number=6)

SETTLEMENT = SettlementEntry(
    time=TIME,
    decision_id="d-allowed",
    tenant="north",
    amounts={"input_tokens": 120, "output_tokens": 30, "cost_usd": Decimal("0.0042")},
    settled=True,
)
RELOAD = ReloadEntry(
    time=TIME, revision="rev-2", previous="rev-1", outcome="accepted", policies=3, rules=12
)
REFUSED = ReloadEntry(
    time=TIME, revision="rev-2", previous="rev-1", outcome="refused", why=("E201 a.pol:3:9",)
)
STARTED = AdminEntry(time=TIME, act="started", who="daemon")
ERASED = AdminEntry(time=TIME, act="erased", who="dpo", what={"tenant": "south", "count": 3})
PRUNED = AdminEntry(time=TIME, act="pruned", what={"count": 9, "numbers": "ab"})
GAP = GapEntry(time=TIME, lost=3, denied=1, why="disk full", sink="siem", trail="ab", first=9)
CUT = Cut(time=TIME, lost=17)

WRITTEN = (
    *(DECISION, ALLOWED, ESCALATED, APPROVED, WITH_TEXT, SEALED, FAILED),
    *(REVIEW, OPENED, CLAIMED, SETTLEMENT, RELOAD, REFUSED, STARTED, ERASED, PRUNED, GAP, CUT),
)
"""One of every kind, and of every course it can take."""

ODD = (
    b"",
    b"\xff\x00",
    b"[1]",
    b'{"kind":"decision"',
    b"{}",
    b'{"kind":"pruned","time":"2026-01-01T00:00:00Z","count":4}',
    b'{"kind":"new\\u0007 kind","time":5,"tenant":7}',
    b'{"kind":"decision","time":"yesterday","reasons":"none","redactions":[1],"evaluated_in":-1}',
    b'{"kind":"decision","amounts":{"input_tokens":123456789012345678901234567890}}',
    b'{"kind":"review","act":5,"number":"7","session":["s"],"review_id":null}',
    b"[" * 100_000,
)
"""What no version of the engine writes."""


def taken(record: Any, sequence: int = 7) -> Taken:
    """Return *record* as it is read from a trail."""
    payload = record if isinstance(record, bytes) else msgspec.json.encode(record, enc_hook=str)
    return take(TRAIL, sequence, payload)


ALL = tuple(taken(one, number) for number, one in enumerate((*WRITTEN, *ODD)))

texts = st.text(max_size=20) | st.sampled_from(
    ("=1+1", "\x1b[2J", "<script>", "\u202e", "\t=", "-2", "\ud7ff\ue000\U0001f600")
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
NAMES = tuple(dict.fromkeys(name for one in ALL for name in one.fields))
kinds = ("decision", "review", "settlement", "reload", "admin", "gap", "cut", "pruned", "x")
strange = st.builds(
    lambda kind, fields: taken({"kind": kind, **fields}),
    st.sampled_from(kinds),
    st.dictionaries(st.sampled_from(NAMES), texts | values, max_size=12),
)
"""Records whose fields hold anything."""
