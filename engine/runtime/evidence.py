"""What conditions may ask beyond the record: the clock, detectors, classifiers, meters, labels.

Everything is looked up when it is first asked for and then remembered for the decision, failures
too, so that two rules never get different answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from engine.content.findings import Finding, Injection
from engine.language.functions import Unknowable
from engine.language.program import MeterDefinition, taint_mock
from engine.runtime.arguments import ARGUMENTS, IN_ARGUMENTS, NAMES, TOLD
from engine.runtime.inside import step_into
from engine.runtime.keys import join_key
from engine.runtime.looks import Wide, Widen, joined
from engine.runtime.record import Record, read_attribute
from engine.runtime.sessions import Taint, count_turn, find_taints
from engine.runtime.store import Store, StoreUnavailable
from engine.runtime.told import untold

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

ROLES: Mapping[str, str] = {
    "request": "user",
    "response": "assistant",
    "tool_call": "assistant",
    "tool_result": "tool",
    "tool_description": "tool",
    "document": "document",
}
"""Who speaks, where a text comes without a role."""

SPEAKERS = frozenset({"user", "assistant"})

Mocks = Mapping[str, float | int]
NO_MOCKS: Mocks = {}

Found = TypeVar("Found")


class Scanner(Protocol):
    """What looks for entities in a text."""

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        """Return the findings of *entities*, in code points of *text*."""
        ...


class Classify(Protocol):
    """Asks a model server."""

    def __call__(self, classifier: str, text: str) -> float:
        """Return the score 0..1, or raise Unknowable when the server does not answer in time."""
        ...


class ScoreInjection(Protocol):
    """Judges whether a text tries to override its instructions."""

    def __call__(self, text: str, role: str) -> Injection:
        """Return the score and the signals for *text*, spoken by *role*."""
        ...


Spoken = tuple[tuple[str, str], ...]
"""Texts, each with who speaks it."""


class LookAhead(Protocol):
    """Is told which texts will be looked at, and may stop the decision until that was done."""

    def __call__(self, texts: Spoken, entities: frozenset[str] | None) -> None:
        """Return when *texts* may be scanned for *entities*, or with None judged, at once."""
        ...


def no_classifier(classifier: str, text: str) -> float:  # noqa: ARG001  it stands for a server
    """Raise Unknowable: nothing answers for classifiers here."""
    raise Unknowable("it is not connected")


@dataclass(frozen=True, slots=True)
class Senses:
    """The detectors of a policy set, the same for every decision."""

    scanner: Scanner
    injection: ScoreInjection
    classify: Classify = no_classifier
    meters: Mapping[str, MeterDefinition] = field(default_factory=dict)
    key: bytes = b""
    """Keys the fingerprints of what sessions say: at most 64 bytes."""
    widen: Widen | None = None
    """Says what else will be looked for in a text."""
    ahead: LookAhead | None = None
    """Asked before texts are looked at; see ``sight``."""


class Part(NamedTuple):
    """A text with its place in the request and who speaks."""

    path: str
    role: str
    text: str


Findings = tuple[tuple[Part, tuple[Finding, ...]], ...]
"""Each text of a path with what was found in it, in the order of places."""

NONE: frozenset[str] = frozenset()
ALONE: frozenset[frozenset[str]] = frozenset()
NONE_EXPECTED: Mapping[str, frozenset[str]] = {}


def _of_state(question: object) -> bool:
    """Return whether what a request says does not change the answer."""
    return question[0] == "meter" if isinstance(question, tuple) else question in {"labels", "turn"}


def nanoseconds(duration: timedelta) -> int:
    """Return *duration* in nanoseconds."""
    return duration // MICROSECOND * 1000


class Evidence:
    """All that an evaluator may ask about one request. Not kept beyond its decision.

    Every question raises Unknowable when it cannot be answered. *mocks* answer first.
    """

    __slots__ = (
        "_expected",
        "_known",
        "_mocks",
        "_record",
        "_scanned",
        "_senses",
        "_store",
        "now_ns",
    )

    def __init__(
        self,
        record: Record,
        senses: Senses,
        store: Store,
        now_ns: int,
        mocks: Mocks = NO_MOCKS,
    ) -> None:
        self._record = record
        self._senses = senses
        self._store = store
        self._mocks = mocks
        # Hot path: many decisions ask nothing, and look at no text.
        self._known: dict[object, object] | None = None
        self._scanned: dict[str, tuple[Wide, Findings]] | None = None
        self._expected: dict[str, frozenset[str]] | None = None
        self.now_ns = now_ns

    @property
    def now(self) -> datetime:
        """The instant of the decision, to the microsecond."""
        return EPOCH + timedelta(microseconds=self.now_ns // 1000)

    def _once(self, question: object, ask: Callable[[], Found]) -> Found:
        if self._known is None:
            self._known = {}
        known = self._known.get(question)
        if known is None:
            try:
                known = ask()
            except Unknowable as unknown:
                known = unknown
            except StoreUnavailable as away:
                known = Unknowable(f"the state store ({away})")
            self._known[question] = known
        if isinstance(known, Unknowable):
            # A fresh one: raising the remembered one again would grow its traceback.
            raise Unknowable(known.what)
        return known  # type: ignore[return-value]

    def about(self, record: Record) -> Evidence:
        """Return what may be asked of *record* instead, at the same instant."""
        return Evidence(record, self._senses, self._store, self.now_ns, self._mocks)

    def follow(self, before: Evidence, *, turns: bool) -> None:
        """Answer about the state as *before* did, for another form of the same request.

        That was counted as a turn meanwhile, where *turns* are counted.
        """
        known = before._known or {}
        self._known = {one: answer for one, answer in known.items() if _of_state(one)}
        if turns:
            asked = self._record, self._store, self.now_ns
            with suppress(Unknowable):
                self._once("turn", partial(count_turn, *asked, counted=True))

    def known(self, question: object) -> object:
        """Return what *question* was answered with, an Unknowable too; None if it was not asked."""
        return None if self._known is None else self._known.get(question)

    # --- texts -----------------------------------------------------------------------------------

    def parts(self, path: str) -> tuple[Part, ...]:
        """Return the texts at *path*: of ``content`` each message alone, else the one attribute.

        Of the arguments they are the strings, or with `NAMES` the names, each once; with `TOLD`
        the strings behind their names.
        """
        record = self._record
        role = ROLES[record.stage]
        if path in IN_ARGUMENTS:
            texts = IN_ARGUMENTS[path](record.tool.args)
            return tuple([Part(path, role, text) for text in dict.fromkeys(texts)])
        if path != "content":
            text = read_attribute(record, path)
            if text is None:
                raise Unknowable(f"{path} (it is absent)")
            return (Part(path, role, text),)
        if record.messages is not None:
            return tuple(
                Part(f"messages[{index}].text", message.role, message.text)
                for index, message in enumerate(record.messages)
            )
        return (Part("content", role, record.content),) if record.content else ()

    def content(self) -> str:
        """Return all messages joined by line ends, or the one text; empty when there is none."""
        messages = self._record.messages
        if messages is None:
            return self._record.content or ""
        return self._once("content", lambda: "\n".join(one.text for one in messages))

    def expect(self, path: str, entities: frozenset[str]) -> None:
        """Remember that *entities* will be asked for at *path*: one scan then looks for all."""
        if self._expected is None:
            self._expected = {}
        self._expected[path] = entities
        if path == ARGUMENTS:
            self._expected[NAMES] = self._expected[TOLD] = entities

    def findings(self, path: str, entities: frozenset[str]) -> Findings:
        """Return each text at *path* with the findings of *entities* in it."""
        return self._once((path, entities), lambda: self._find(path, entities))

    def _find(self, path: str, entities: frozenset[str]) -> Findings:
        """Scan for those of *entities* that were not looked for yet; what they find is kept.

        Invariant: what an entity finds does not depend on which others are asked for.
        """
        # Hot path: lists, since generators cost as much as a scan of a short text.
        scan, ahead = self._senses.scanner.scan, self._senses.ahead
        if self._scanned is None:
            self._scanned = {}
        looked_for = self._expected or NONE_EXPECTED
        before = self._scanned.get(path)
        if before is None:
            # Invariant: without parts nothing is asked of the record, which may not be known.
            parts = self.parts(path)
            wide = self._widened(path, entities, looked_for.get(path, NONE))
            if ahead is not None:
                ahead(tuple([(one.role, one.text) for one in parts]), wide.entities)
            known = tuple([(part, scan(part.text, wide.entities)) for part in parts])
        else:
            wide, known = before
            if entities not in wide.sets and not entities <= wide.entities:
                new = (entities | looked_for.get(path, NONE)) - wide.entities
                wide = Wide(wide.entities | new, wide.sets | {entities})
                if ahead is not None:
                    ahead(tuple([(one.role, one.text) for one, _ in known]), new)
                known = tuple([(one, joined(found, scan(one.text, new))) for one, found in known])
        self._scanned[path] = (wide, known)
        if len(wide.entities) == len(entities):
            return known
        return tuple(
            [
                (part, tuple([one for one in found if one.entity in entities]) if found else found)
                for part, found in known
            ]
        )

    def _widened(self, path: str, entities: frozenset[str], expected: frozenset[str]) -> Wide:
        """Return what to look for at once at *path* if *entities* are asked for, and *expected*."""
        widen = self._senses.widen
        wide = Wide(entities, ALONE) if widen is None else widen(self._record, path, entities)
        if expected <= wide.entities:
            return wide
        return Wide(wide.entities | expected, wide.sets | {expected})

    def has(self, path: str, entities: frozenset[str]) -> bool:
        """Return whether the text at *path* holds one of *entities*."""
        for _, found in self.findings(path, entities):  # noqa: SIM110 - half the time of any()
            if found:
                return True
        return False

    def count(self, path: str, entities: frozenset[str]) -> int:
        """Return how many findings of *entities* the text at *path* holds."""
        return sum(len(found) for _, found in self.findings(path, entities))

    def injection(self, path: str) -> float:
        """Return how likely the text at *path* overrides its instructions: its worst part."""
        mock = self._mocks.get("injection")
        if mock is not None:
            return float(mock)
        return self._once(("injection", path), lambda: self._injection(path))

    def _injection(self, path: str) -> float:
        score = self._senses.injection
        # What a tool or a document says gives no orders, whoever the message says is speaking.
        role = ROLES[self._record.stage]
        role = "" if role in SPEAKERS else role
        parts = self.parts(path)
        if self._senses.ahead is not None:
            self._senses.ahead(tuple([(role or one.role, one.text) for one in parts]), None)
        return max((score(one.text, role or one.role).score for one in parts), default=0.0)

    def score(self, classifier: str, path: str) -> float:
        """Return the classifier's score of the text at *path*: of its worst part."""
        mock = self._mocks.get(f"classifier.{classifier}")
        if mock is not None:
            return float(mock)
        return self._once(
            ("classifier", classifier, path), lambda: self._score(classifier, self.parts(path))
        )

    def _score(self, classifier: str, parts: tuple[Part, ...]) -> float:
        """Ask about all *parts*, also after one cannot be known: they may go in one call."""
        scores = [0.0]
        failure = ""
        for part in parts:
            try:
                scores.append(self._senses.classify(classifier, part.text))
            except Unknowable as unknown:
                failure = failure or unknown.what
        if failure:
            # Invariant: a classifier's failure is named so that its on_failure can be found.
            raise Unknowable(f"classifier.{classifier} ({failure})")
        return max(scores)

    def argument_findings(self, entities: frozenset[str]) -> dict[str, tuple[Finding, ...]]:
        """Return the findings of *entities* in the tool's arguments, by the text they are in.

        A name tells what stands behind it; the same text counts behind every name.
        """
        found = self.findings(ARGUMENTS, entities)
        known = {part.text: findings for part, findings in found if findings}
        for part, findings in self.findings(TOLD, entities):
            if findings:
                text, inside = untold(part.text, findings)
                new = tuple([one for one in inside if one not in known.get(text, ())])
                if new:
                    known[text] = joined(known.get(text, ()), new)
        return known

    def named_in_arguments(self, entities: frozenset[str]) -> tuple[str, ...]:
        """Return those of *entities* that a name in the tool's arguments holds."""

        def ask() -> tuple[str, ...]:
            found = self.findings(NAMES, entities)
            return tuple(sorted({one.entity for _, findings in found for one in findings}))

        return self._once(("names in arguments", entities), ask)

    # --- state -----------------------------------------------------------------------------------

    def meter(self, name: str) -> int:
        """Return how often the meter's rule has matched in its window for this request's keys."""
        mock = self._mocks.get(f"meter.{name}")
        if mock is not None:
            return int(mock)
        return self._once(("meter", name), lambda: self._meter(name))

    def _meter(self, name: str) -> int:
        meter = self._senses.meters[name]
        key = self.meter_key(meter)
        return self._store.count(name, key, nanoseconds(meter.window), self.now_ns)

    def meter_key(self, meter: MeterDefinition) -> str:
        """Return the key under which *meter* counts this request. Absent values count together."""
        return join_key([self.attribute(key.path) for key in meter.keys])

    def labels(self) -> frozenset[str]:
        """Return the labels on the session: those that the request brings or rules have put."""
        return self._once("labels", self._labels)

    def _labels(self) -> frozenset[str]:
        record = self._record
        sent: frozenset[str] = record.session.labels
        if record.session.id is None:
            return sent
        return sent | self._store.labels(record.tenant.id, record.session.id, self.now_ns)

    def turn(self) -> int:
        """Return the turn of the conversation: the one that was sent, else that was counted."""
        sent: int = self._record.session.turn
        if sent:  # Hot path: as `count_turn` says, and remembered like all that is asked.
            if self._known is None:
                self._known = {}
            self._known["turn"] = sent
            return sent
        return self._once("turn", partial(count_turn, self._record, self._store, self.now_ns))

    # --- arguments -------------------------------------------------------------------------------

    def argument(self, path: tuple[str | int, ...]) -> object:
        """Return the JSON value at *path* of the arguments; None where there is none, or null."""
        value: object = self._record.tool.args
        for step in path:
            value = step_into(value, step)
        return value

    def tainted(self, path: tuple[str | int, ...]) -> bool:
        """Return whether the argument at *path* holds what came from labelled content."""
        if self.argument(path) is None:
            return False
        mock = self._mocks.get(taint_mock(path))
        if mock is not None:
            return bool(mock)
        return bool(self.taints(path))

    def taints(self, path: tuple[str | int, ...]) -> tuple[Taint, ...]:
        """Return what of the argument at *path* is tainted, by kind; a mock taints nothing."""
        asked = self.argument(path), self._record, self._senses.key, self._store, self.now_ns
        return self._once(("taints", path), partial(find_taints, *asked))

    def attribute(self, path: str) -> object:
        """Return the attribute at *path*, wherever it comes from; None where it is absent."""
        match path:
            case "now":
                return self.now
            case "content":
                return self.content()
            case "session.labels":
                return self.labels()
            case "session.turn":
                return self.turn()
            case _:
                return read_attribute(self._record, path)
