from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given

from engine.sinks.forms import line
from engine.sinks.forms_ocsf import ocsf_form
from engine.sinks.forms_taken import Taken
from tests.sinks import samples
from tests.sinks.ocsf_schema import wrong
from tests.sinks.samples import ALL, DECISION, TRAIL, strange, taken


def event_of(record: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(line("ocsf", taken(record)))
    return made


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.uid)
def test_every_event_is_valid(one: Taken) -> None:
    assert wrong(json.loads(line("ocsf", one))) == []


@given(strange)
def test_no_field_makes_an_event_invalid(one: Taken) -> None:
    assert wrong(json.loads(line("ocsf", one))) == []


def test_what_is_not_in_the_schema_is_found() -> None:
    event = event_of(DECISION)
    assert wrong({**event, "verdict_of_mine": 1, "severity_id": 17, "attestation": {}}) != []
    assert wrong({**event, "metadata": {**event["metadata"], "profiles": []}}) != []


@pytest.mark.parametrize(
    ("record", "type_uid", "severity"),
    [
        (samples.DECISION, 200_401, 4),
        (samples.ALLOWED, 200_401, 1),
        (samples.ESCALATED, 200_401, 4),
        (samples.FAILED, 200_401, 3),
        (samples.OPENED, 200_401, 1),
        (samples.CLAIMED, 200_402, 1),
        (samples.REVIEW, 200_403, 1),
        (samples.SETTLEMENT, 200_402, 1),
        (samples.RELOAD, 600_208, 1),
        (samples.REFUSED, 600_208, 3),
        (samples.STARTED, 600_203, 1),
        (msgspec.structs.replace(samples.STARTED, act="stopped"), 600_204, 1),
        (samples.ERASED, 300_404, 1),
        (msgspec.structs.replace(samples.ERASED, act="held"), 300_499, 1),
        (samples.GAP, 100_899, 4),
        (samples.CUT, 100_899, 4),
        (msgspec.structs.replace(samples.CUT, lost=0), 100_899, 1),
        (b'{"kind":"pruned"}', 100_802, 1),
        (b'{"kind":"comet"}', 99, 1),
        (b"no json", 99, 4),
    ],
)
def test_each_kind_has_its_class_activity_and_severity(
    record: Any, type_uid: int, severity: int
) -> None:
    event = event_of(record)
    assert (event["type_uid"], event["severity_id"]) == (type_uid, severity)
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["category_uid"] == event["class_uid"] // 1000


@pytest.mark.parametrize(
    ("effective", "review", "action", "disposition", "alert"),
    [
        ("allow", "", "Allowed", "Allowed", False),
        ("redact", "", "Modified", "Corrected", True),
        ("throttle", "", "Denied", "Rejected", True),
        ("escalate", "", "Denied", "Quarantined", True),
        ("deny", "", "Denied", "Blocked", True),
        ("allow", "approved", "Allowed", "Approved", False),
        ("redact", "edited", "Modified", "Corrected", True),
        ("deny", "rejected", "Denied", "Rejected", True),
        ("deny", "expired", "Denied", "Blocked", True),
        ("", "", "Unknown", "Unknown", True),
    ],
)
def test_what_was_done_is_an_action_and_a_disposition(
    effective: str, review: str, action: str, disposition: str, *, alert: bool
) -> None:
    event = event_of(msgspec.structs.replace(DECISION, effective_action=effective, review=review))
    assert (event["action"], event["disposition"]) == (action, disposition)
    assert event["is_alert"] is alert
    assert "security_control" in event["metadata"]["profiles"]


def test_a_decision_that_failed_is_an_error() -> None:
    event = event_of(samples.FAILED)
    assert (event["action_id"], event["disposition_id"]) == (2, 27)
    assert "policy" not in event


def test_a_finding_names_who_asked_what_decided_and_the_model() -> None:
    event = event_of(DECISION)
    assert event["metadata"]["version"] == "1.9.0"
    assert event["metadata"]["profiles"] == ["security_control", "ai_operation", "record_integrity"]
    assert event["metadata"]["tenant_uid"] == "north"
    assert event["time"] == 1_767_225_600_123
    assert event["finding_info"]["uid"] == DECISION.decision_id
    assert event["finding_info"]["analytic"]["name"] == "desk.large"
    assert [one["name"] for one in event["finding_info"]["related_analytics"]] == ["mail.addresses"]
    assert event["policy"] == {"name": "desk", "uid": "desk.large", "is_applied": True}
    assert event["ai_model"] == {"name": "openai/gpt-5", "ai_provider": "openai"}
    assert event["message_context"]["uid"] == "s1"
    assert event["evidences"][0]["actor"] == {"user": {"uid": "u1"}, "session": {"uid": "s1"}}
    assert event["evidences"][0]["data"]["redacted"] == {"pii.email": 2}
    assert event["resources"][0]["name"] == "refund"
    assert event["duration"] == 2


def test_what_a_finding_does_not_know_it_does_not_say() -> None:
    event = event_of({"kind": "decision", "reasons": [{"policy": "p"}, {}], "user": "u"})
    assert event["policy"] == {"name": "p", "is_applied": True}
    assert event["finding_info"]["analytic"] == {
        "name": "p",
        "type": "Rule",
        "type_id": 1,
        "category": "p",
    }
    assert "related_analytics" not in event["finding_info"]
    nobody = event_of({"kind": "decision", "reasons": [{"rule": "r"}]})
    assert "actor" not in nobody["evidences"][0]
    assert "policy" not in nobody
    assert event_of({"kind": "decision", "reasons": [{"rule": "r"}]})["severity_id"] == 3


def test_a_settlement_tells_the_tokens_of_its_decision() -> None:
    event = event_of(samples.SETTLEMENT)
    assert event["finding_info"]["uid"] == "d-allowed"
    context = event["message_context"]
    assert (context["prompt_tokens"], context["completion_tokens"]) == (120, 30)
    assert event["unmapped"]["amounts"]["cost_usd"] == "0.0042"


def test_a_review_and_its_decisions_are_correlated() -> None:
    held, approved = event_of(samples.ESCALATED), event_of(samples.REVIEW)
    assert held["metadata"]["correlation_uid"] == approved["metadata"]["correlation_uid"] == "rv1"
    assert held["finding_info"]["related_events"] == [{"uid": "rv1", "type": "review"}]
    assert (held["status"], approved["status"]) == ("New", "Resolved")
    assert approved["evidences"][0]["actor"] == {"user": {"name": "ann@example.com"}}


@given(strange)
def test_no_field_of_a_record_is_lost(one: Taken) -> None:
    event = ocsf_form(one)
    shown = json.dumps(event, ensure_ascii=False, default=str)
    left: Any = event.get("unmapped", {})
    for name, value in one.fields.items():
        if name not in left:
            assert isinstance(value, str)
            assert json.dumps(value, ensure_ascii=False) in shown, name


@given(strange)
def test_the_fingerprint_can_be_computed_by_others(one: Taken) -> None:
    event = json.loads(line("ocsf", one))
    attestation = event["attestation"]
    fingerprint = attestation.pop("fingerprint")
    assert attestation == {"uid": f"{TRAIL}/7", "chain_uid": TRAIL}
    assert fingerprint["value"] == sha256(rfc8785.dumps(event)).hexdigest()
    assert event["raw_data_hash"]["value"] == sha256(one.payload).hexdigest()
