"""Records in, those that are wanted out; and what of a record is asked for by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from engine.storage.no_json import NO_JSON
from engine.storage.read import Kept

FIELDS = (
    "kind",
    "tenant",
    "user",
    "stage",
    "session",
    "action",
    "effective_action",
    "decision_id",
    "request_id",
    "review_id",
)
"""What is asked for by one value each."""


class Found(NamedTuple):
    """A record and its fields; what is no JSON object has none."""

    kept: Kept
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return the field *name* as text; empty where it is absent."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    @property
    def rules(self) -> tuple[str, ...]:
        """The deciding rules; the policy where its default decided."""
        reasons = self.fields.get("reasons")
        if not isinstance(reasons, list):
            return ()
        named = (one for one in reasons if isinstance(one, dict))
        return tuple(str(one.get("rule") or one.get("policy") or "") for one in named)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which records; None stands for all. *action* is the effective one."""

    tenant: str | None = None
    user: str | None = None
    rule: str | None = None
    action: str | None = None
    decided: str | None = None
    """The action before what the gateway can do was taken into account."""
    stage: str | None = None
    session: str | None = None
    kind: str | None = None
    decision: str | None = None
    request: str | None = None
    review: str | None = None
    since: str | None = None
    """RFC 3339 in UTC, or its beginning."""
    until: str | None = None

    @property
    def values(self) -> list[tuple[str, str]]:
        """The fields that are asked for, those that most records differ in first."""
        asked = (
            ("decision_id", self.decision),
            ("request_id", self.request),
            ("review_id", self.review),
            ("session", self.session),
            ("user", self.user),
            ("rule", self.rule),
            ("tenant", self.tenant),
            ("action", self.decided),
            ("effective_action", self.action),
            ("stage", self.stage),
            ("kind", self.kind),
        )
        return [(name, value) for name, value in asked if value is not None]

    def fits(self, one: Found) -> bool:
        """Return whether *one* is wanted. Nothing has an empty value: it is one that is not set."""
        if self.since is not None and one.kept.time < self.since:
            return False
        if self.until is not None and one.kept.time >= self.until:
            return False
        return all(
            value and (value in one.rules if name == "rule" else value == one.text(name))
            for name, value in self.values
        )


_decode = msgspec.json.Decoder(dict[str, object]).decode


def fields_of(payload: bytes) -> dict[str, object]:
    """Return the fields of a record; none for what is no JSON object."""
    try:
        return _decode(payload)
    except NO_JSON:
        return {}


def found_in(records: Iterable[Kept], wanted: Wanted) -> Iterator[Found]:
    """Yield those of *records* that are *wanted*."""
    for kept in records:
        one = Found(kept, fields_of(kept.payload))
        if wanted.fits(one):
            yield one
