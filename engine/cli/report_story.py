"""The records of an incident in, the report about them out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from engine.cli.report_document import (
    Block,
    Cell,
    Document,
    Facts,
    Note,
    Section,
    Table,
    Tone,
)
from engine.cli.report_parts import (
    ACTION_TONES,
    decision_section,
    detail_of,
    fact,
    text_in,
    what_of,
    who_of,
)
from engine.storage.wanted import Found

MOST_DECISIONS: Final = 100
"""Decisions that have a section of their own; all are in the timeline."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the records are what was signed."""

    checked: bool
    """Whether anybody looked."""
    vouched: Mapping[str, int]
    """How many records of a trail a checkpoint vouches for."""
    covering: Mapping[str, tuple[str, int]]
    """By ``trail/number``: the time and the size of the first checkpoint that covers the record."""
    problems: tuple[str, ...]
    """What is wrong with the folder, whichever record it is about."""
    signers: tuple[str, ...]
    trusted: bool
    """Whether the key was given, and not taken from the folder."""

    def holds(self, one: Found) -> bool:
        """Return whether the record *one* is what was signed."""
        return one.kept.sequence < self.vouched.get(one.kept.trail, 0)


@dataclass(frozen=True, slots=True)
class Incident:
    """All that a report tells of."""

    what: str
    """``decision``, ``session`` or ``review``."""
    identity: str
    records: Sequence[Found]
    """By time: the decisions, what was done with their reviews, and their settlements."""
    related: Sequence[Found]
    """Other decisions of the same sessions."""
    reloads: Sequence[Found]
    """For each revision that decided, the reload that brought it, where it is recorded."""
    proof: Proof
    made: str
    folder: str
    troubles: Sequence[str] = ()

    @property
    def sound(self) -> bool:
        """Whether all of it is what was signed, and nothing else in the trail is wrong."""
        proof = self.proof
        return proof.checked and not proof.problems and all(map(proof.holds, self.records))


def report_of(incident: Incident) -> Document:
    """Return the report."""
    decisions = [one for one in incident.records if one.text("kind") == "decision"]
    sections = [
        Section("Timeline", (_timeline(incident.records, incident.proof),)),
        *_decisions(decisions),
        *_reviews(incident.records),
        *_settlements(incident.records),
        _in_force(decisions, incident.reloads),
        *_related(incident.related),
        _integrity(incident),
    ]
    return Document(
        "Incident report",
        f"{incident.what} {incident.identity}",
        tuple(_verdict(incident, decisions)),
        _about(incident, decisions),
        tuple(sections),
    )


def _verdict(incident: Incident, decisions: Sequence[Found]) -> Iterable[Cell]:
    actions = [one.text("effective_action") for one in decisions]
    for action in dict.fromkeys(actions):
        count = actions.count(action)
        shown = action if count == 1 else f"{count} x {action}"
        yield Cell(shown, ACTION_TONES.get(action, "plain"))
    for review in dict.fromkeys(one.text("review") for one in decisions if one.text("review")):
        yield Cell(f"review: {review}", "good" if review == "approved" else "warn")
    yield _word_of(incident)


def _word_of(incident: Incident) -> Cell:
    if not incident.proof.checked:
        return Cell("integrity not verified", "warn")
    if incident.sound:
        return Cell("integrity verified", "good")
    if all(incident.proof.holds(one) for one in incident.records):
        return Cell("these records verified, the trail has faults", "bad")
    return Cell("integrity NOT proven", "bad")


def _about(incident: Incident, decisions: Sequence[Found]) -> Facts:
    rows = [fact("From", incident.records[0].kept.time), fact("To", incident.records[-1].kept.time)]
    for label, name in (
        *(("Tenant", "tenant"), ("User", "user"), ("Session", "session"), ("Stage", "stage")),
        *(("Model", "model"), ("Tool", "tool"), ("Revision", "revision")),
    ):
        values = dict.fromkeys(one.text(name) for one in decisions or incident.records)
        shown = ", ".join(value for value in values if value)
        if shown:
            rows.append(fact(label, shown))
    rows += [fact("Records", str(len(incident.records))), fact("Read from", incident.folder)]
    rows.append(fact("Report made", incident.made))
    return Facts(tuple(rows))


def _timeline(records: Sequence[Found], proof: Proof) -> Table:
    rows = []
    for one in records:
        tone = ACTION_TONES.get(one.text("effective_action"), "plain")
        mark = Cell("signed", "good") if proof.holds(one) else Cell("unproven", "warn")
        rows.append(
            (
                Cell(one.kept.time, code=True),
                Cell(what_of(one), tone),
                Cell(who_of(one)),
                Cell(detail_of(one)),
                mark,
            )
        )
    return Table(("Time", "What", "Who", "Why", "Proof"), tuple(rows))


def _decisions(decisions: Sequence[Found]) -> Iterable[Section]:
    if not decisions:
        return
    yield Section("Decisions", ())
    for one in decisions[:MOST_DECISIONS]:
        yield decision_section(one)
    left = len(decisions) - MOST_DECISIONS
    if left > 0:
        note = f"{left:,} more decisions are in the timeline alone: report each by its id."
        yield Section("More decisions", (Note(note, "warn"),), level=2)


def _reviews(records: Sequence[Found]) -> Iterable[Section]:
    steps = [one for one in records if one.text("kind") == "review"]
    if not steps:
        return
    rows = tuple(
        tuple(
            Cell(text, code=code)
            for text, code in (
                (one.kept.time, True),
                (one.text("act"), False),
                (one.text("who") or "the engine", False),
                (one.text("state"), False),
                (text_in(one.fields.get("round")), False),
                (one.text("queue"), False),
                (one.text("review_id"), True),
            )
        )
        for one in steps
    )
    columns = ("Time", "Step", "By", "State then", "Round", "Queue", "Review")
    yield Section("Review", (Table(columns, rows),))


def _settlements(records: Sequence[Found]) -> Iterable[Section]:
    told = [one for one in records if one.text("kind") == "settlement"]
    if not told:
        return
    rows = tuple(
        (
            Cell(one.kept.time, code=True),
            Cell(detail_of(one)),
            Cell("yes" if one.fields.get("settled") is True else "no, nothing waited for it"),
            Cell(one.text("decision_id"), code=True),
        )
        for one in told
    )
    yield Section("Settlement", (Table(("Time", "Used", "Settled", "Decision"), rows),))


def _in_force(decisions: Sequence[Found], reloads: Sequence[Found]) -> Section:
    revisions = dict.fromkeys(one.text("revision") for one in decisions if one.text("revision"))
    by_revision = {one.text("revision"): one for one in reloads}
    rows = []
    for revision in revisions:
        found = by_revision.get(revision)
        since = found.kept.time if found is not None else "its reload is not recorded here"
        rows.append(
            (
                Cell(revision, code=True),
                Cell(since, code=found is not None),
                Cell(found.text("previous") if found is not None else "", code=True),
                Cell(text_in(found.fields.get("policies")) if found is not None else ""),
                Cell(text_in(found.fields.get("rules")) if found is not None else ""),
            )
        )
    columns = ("Revision", "In force since", "Before it", "Policies", "Rules")
    block: Block = Table(columns, tuple(rows)) if rows else Note("No revision is recorded.")
    return Section("Policies in force", (block,))


def _related(related: Sequence[Found]) -> Iterable[Section]:
    if not related:
        return
    rows = tuple(
        (
            Cell(one.kept.time, code=True),
            Cell(
                one.text("effective_action"),
                ACTION_TONES.get(one.text("effective_action"), "plain"),
            ),
            Cell(one.text("stage")),
            Cell(", ".join(one.rules)),
            Cell(one.text("decision_id"), code=True),
        )
        for one in related
    )
    columns = ("Time", "Action", "Stage", "Rules", "Decision")
    yield Section("Other decisions of the session", (Table(columns, rows),))


def _integrity(incident: Incident) -> Section:
    proof = incident.proof
    blocks: list[Block] = [Note(*sentence) for sentence in _sentences(incident)]
    rows = []
    for one in incident.records:
        place = f"{one.kept.trail}/{one.kept.sequence}"
        covering = proof.covering.get(place)
        by = f"{covering[1]:,} records, {covering[0]}" if covering else "none yet"
        leaf = sha256(b"\0" + one.kept.payload).hexdigest()
        word, tone = _standing(proof, one)
        rows.append((Cell(place, code=True), Cell(word, tone), Cell(by), Cell(leaf, code=True)))
    columns = ("Record", "Verified", "First checkpoint over it", "Merkle leaf (SHA-256)")
    blocks.append(Table(columns, tuple(rows)))
    return Section("Integrity", tuple(blocks))


def _standing(proof: Proof, one: Found) -> tuple[str, Tone]:
    if not proof.checked:
        return "not looked at", "warn"
    return ("yes", "good") if proof.holds(one) else ("no", "bad")


def _sentences(incident: Incident) -> Iterable[tuple[str, Tone]]:
    proof = incident.proof
    held = sum(proof.holds(one) for one in incident.records)
    total = len(incident.records)
    if not proof.checked:
        yield "Nobody has verified the trail for this report.", "warn"
    else:
        names = " or ".join(proof.signers)
        tone: Tone = "plain" if held == total else "bad"
        yield f"{held:,} of {total:,} records are what a checkpoint signed by {names} says.", tone
        if not proof.trusted:
            sentence = "The key was taken from the trail's own folder: whoever could change the "
            yield f"{sentence}records could have signed them too. Give one kept elsewhere.", "warn"
    for problem in proof.problems:
        yield f"Wrong in the trail: {problem}", "bad"
    for trouble in incident.troubles:
        yield f"Could not be read: {trouble}", "bad"


def json_of(incident: Incident) -> dict[str, object]:
    """Return the report for machines."""
    proof = incident.proof
    return {
        incident.what: incident.identity,
        "made": incident.made,
        "records": [_record(one, proof) for one in incident.records],
        "related": [_record(one, proof) for one in incident.related],
        "in_force": [_record(one, proof) for one in incident.reloads],
        "integrity": {
            "checked": proof.checked,
            "verified": proof.checked and all(proof.holds(one) for one in incident.records),
            "key_given": proof.trusted,
            "signers": list(proof.signers),
            "problems": list(proof.problems),
            "unread": list(incident.troubles),
        },
    }


def _record(one: Found, proof: Proof) -> dict[str, object]:
    place = f"{one.kept.trail}/{one.kept.sequence}"
    covering = proof.covering.get(place)
    return {
        "trail": one.kept.trail,
        "sequence": one.kept.sequence,
        "verified": proof.checked and proof.holds(one),
        "checkpoint": {"time": covering[0], "size": covering[1]} if covering else None,
        "record": msgspec.to_builtins(dict(one.fields)),
    }
