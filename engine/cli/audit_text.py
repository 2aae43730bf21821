"""Records of an audit trail in; those that are wanted, and what people read of them, out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from engine.language.render import inert
from engine.storage.read import Kept

COLUMNS = (
    "time",
    "kind",
    "decision_id",
    "tenant",
    "user",
    "stage",
    "session",
    "action",
    "effective_action",
    "rules",
    "revision",
    "trail",
    "sequence",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A record and its fields."""

    kept: Kept
    fields: dict[str, object]

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records; None stands for all."""

    tenant: str | None = None
    user: str | None = None
    rule: str | None = None
    action: str | None = None
    session: str | None = None
    kind: str | None = None
    since: str | None = None
    until: str | None = None

    def fits(self, one: Found) -> bool:
        """Return whether *one* is wanted."""
        asked = (
            (self.tenant, one.text("tenant")),
            (self.user, one.text("user")),
            (self.action, one.text("effective_action")),
            (self.session, one.text("session")),
            (self.kind, one.text("kind")),
        )
        if any(want is not None and want != has for want, has in asked):
            return False
        if self.since is not None and one.kept.time < self.since:
            return False
        if self.until is not None and one.kept.time >= self.until:
            return False
        return self.rule is None or self.rule in one.rules


def found_in(records: Iterable[Kept], wanted: Wanted) -> Iterator[Found]:
    """Yield those of *records* that are *wanted*. What is no JSON has no fields."""
    decode = msgspec.json.Decoder(dict[str, object]).decode
    for kept in records:
        try:
            fields = decode(kept.payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            fields = {}
        one = Found(kept, fields)
        if wanted.fits(one):
            yield one


def describe(one: Found) -> str:
    """Return a record in a line for people."""
    kind = one.text("kind")
    if kind != "decision":
        rest = {name: value for name, value in one.fields.items() if name not in {"kind", "time"}}
        return inert(f"{one.kept.time}  {kind or 'unreadable'}  {rest}")
    who = f"{one.text('tenant')}/{one.text('user')}"
    why = ", ".join(one.rules)
    return inert(
        f"{one.kept.time}  {one.text('effective_action'):<8}  {one.text('stage')}  {who}  {why}  "
        f"{one.text('decision_id')}"
    )


def csv_lines(found: Iterable[Found]) -> Iterator[str]:
    """Yield lines of CSV (RFC 4180) for *found*, a header first."""
    yield ",".join(COLUMNS)
    for one in found:
        own = {
            "rules": " ".join(one.rules),
            "trail": one.kept.trail,
            "sequence": str(one.kept.sequence),
        }
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(
            [own.get(name) or harmless(one.text(name)) for name in COLUMNS]
        )
        yield line.getvalue()


def harmless(text: str) -> str:
    """Return *text* so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
