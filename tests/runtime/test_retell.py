"""What cannot be retold without what policies redact is not retold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.runtime.decide import decide
from engine.runtime.evidence import Evidence, Spoken
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Streamed
from engine.runtime.retell import RESTORED, UNSEEN, Retold, Untold, retell
from engine.runtime.sight import Look, Unlooked
from engine.runtime.witness import Seen, Witness
from engine.service.bundles import Recipe, load_folder
from tests.service.bundle import SECRET, asked, write_folder

TEXT = """\
schema { context.note: text? }
policy p {
  default allow
  rule mails { when user.id == "u1" then redact pii.email as hash }
  rule notes { when context.note is present then redact pii.email in context.note }
  rule no    { then deny }
}
"""
NOW = 1_767_225_600_000_000_000


@pytest.fixture
def policies(tmp_path: Path) -> PolicySet:
    return load_folder(write_folder(tmp_path, {"p.pol": TEXT}), Recipe(SECRET))


def seen(policies: PolicySet, **parts: object) -> tuple[Any, Seen]:
    record = policies.reader.read(asked("I am ann@example.com", **parts))
    witness = Witness()
    assert decide(policies, record, MemoryStore(), NOW, witness=witness).action == "deny"
    assert witness.seen is not None
    return record, witness.seen


def test_a_label_stands_for_what_is_redacted_however_that_is_done(policies: PolicySet) -> None:
    record, found = seen(policies, context={"note": "bob@example.com"})
    assert retell(policies, record, found) == Retold("I am [EMAIL]", None)
    assert retell(policies, record, found) == Retold("I am [EMAIL]", None)  # Now it is remembered.


def test_what_the_rules_did_not_come_to_is_not_retold(policies: PolicySet) -> None:
    record, found = seen(policies)
    with pytest.raises(Untold, match=UNSEEN):
        retell(policies, record, None)
    msgspec.structs.force_setattr(record, "too_large", "content")
    with pytest.raises(Untold, match=UNSEEN):
        retell(policies, record, found)


def test_a_stream_in_which_placeholders_were_turned_back_is_not_retold(
    policies: PolicySet,
) -> None:
    record, found = seen(policies)
    msgspec.structs.force_setattr(record, "streamed", Streamed(1, ()))
    with pytest.raises(Untold, match=RESTORED):
        retell(policies, record, found)


def test_what_would_have_to_be_looked_at_first_is_not_retold(policies: PolicySet) -> None:
    def ahead(texts: Spoken, entities: frozenset[str] | None) -> None:
        raise Unlooked(Look(texts, entities))

    record, found = seen(policies)
    senses = replace(policies.senses, ahead=ahead)
    unlooked = Seen(record, Evidence(record, senses, MemoryStore(), NOW), found.outcome)
    with pytest.raises(Untold, match=UNSEEN):
        retell(policies, record, unlooked)
