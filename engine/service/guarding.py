"""A streamed response in pieces in; what may pass on, as it flows, and one decision on the whole.

What may be said without the content is asked of the policies when the stream opens (see
`runtime.foresee`): it may end there, with a recorded decision and nothing passed on. Otherwise the
text flows, redacted. When it ends, or when something in it blocks it, the text that came is decided
on like any other content: once, recorded, with throttle units, labels and reviews. What was held
back until then passes only if that decision lets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from engine.content.findings import Finding
from engine.content.redact import Span, label_of
from engine.content.remembered import RememberingScanner
from engine.content.sample import SAMPLE
from engine.content.scan import Scanner
from engine.content.stream import Passed, Redaction, StreamRedactor, joined
from engine.content.stream_back import StreamRestorer
from engine.content.stream_hold import Hold, make_hold
from engine.runtime.decision import Decision, Reason
from engine.runtime.decision import Redaction as DecidedRedaction
from engine.runtime.foresee import CONTENT, expected, foresee
from engine.runtime.objections import Problem, too_large
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record, Streamed
from engine.runtime.request import InvalidRequest
from engine.runtime.reversal import goes_back, recall, scope_of
from engine.service.asking import Undecided
from engine.service.gate import Gate

__all__ = ["Guarding", "Passed", "Span", "open_guard"]

ELSEWHERE = "comes in the pieces of the stream"
STOPPED = "the stream was stopped for a reason that no longer holds: ask again"
CANNOT_MASK = "the caller cannot mask a stream"
PASSES = frozenset({"allow", "redact"})
NOTHING = Passed("")
MOST_HOLDS = 64
"""For so many sets of entities is remembered what streams hold back."""


class Guarding:
    """One guarded stream. Made by `open_guard`; not thread-safe."""

    def __init__(
        self,
        gate: Gate,
        policies: PolicySet,
        request: tuple[Mapping[str, object], bytes],
        record: Record,
    ) -> None:
        """Open a stream; *record* is what *request* was read as, without content."""
        self._gate = gate
        self._policies = policies
        self._request = request
        self._record = record
        self._pieces: list[str] = []
        self._size = 0
        self._over = False
        self._heard: frozenset[str] = frozenset()
        self._foresight = foresee(policies, record, gate.at_hand, gate.now)
        self._entities = frozenset(self._foresight.strategies) | self._foresight.watched
        self._stream: StreamRedactor | None = None
        self._rest = NOTHING
        self._back = self._restorer() if policies.reversible else None
        # The decision must be on the text that has flowed, and on no other.
        self._policies = replace(policies, reversible=False)

    def _restorer(self) -> StreamRestorer | None:
        """Return what turns the session's placeholders back, if they may be."""
        policies, record, gate = self._policies, self._record, self._gate
        if not goes_back(record, "mask_stream"):
            return None
        return StreamRestorer(
            frozenset(map(label_of, scanner_of(policies).entities)),
            lambda digits: recall(policies, record, digits, gate.at_hand, gate.now),
        )

    @property
    def prepared(self) -> bool:
        """Whether the automata of what is looked for exist; else `prepare` them off the loop."""
        return self.stopped or self._entities in self._policies.holds

    def prepare(self) -> None:
        """Make the automata of what is looked for: a tenth of a second. Safe in another thread."""
        make_automata(self._policies, self._entities)

    def _flow(self) -> StreamRedactor:
        if self._stream is None:
            scanner, strategies = scanner_of(self._policies), self._foresight.strategies
            self._stream = StreamRedactor(
                scanner,
                hold_of(self._policies, scanner, self._entities),
                self._entities,
                Redaction(strategies, self._policies.key, scope_of(self._record)),
                self._found,
            )
        return self._stream

    @property
    def stopped(self) -> bool:
        """Whether nothing more can pass: `decide`, and take no more pieces."""
        return self._foresight.blocked or self._cannot_mask or self._over

    @property
    def _cannot_mask(self) -> bool:
        able = self._record.capabilities
        return bool(self._foresight.strategies) and able is not None and "mask_stream" not in able

    def feed(self, piece: str) -> Passed:
        """Return what may pass on now that *piece* has come; nothing once it is `stopped`."""
        if self.stopped:
            return NOTHING
        return self._take(piece if self._back is None else self._back.feed(piece))

    def _take(self, piece: str) -> Passed:
        """Return what may pass on now that *piece*, with its placeholders turned back, has come."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._policies.reader.limit:
            self._over = True
            return NOTHING
        return self._flow().feed(piece)

    def _end(self) -> None:
        """Take what may have become a placeholder: nothing follows."""
        if self._back is not None and not self.stopped:
            self._rest = self._take(self._back.finish())

    def decide(self) -> Decision | Undecided:
        """Return the recorded decision on the text that came, or what waits for classifiers.

        To be asked once. Where it is stopped by what was found, the text ends with that.
        """
        self._end()
        if self._cannot_mask and not self._foresight.blocked:
            return self._gate.enter(self._policies, self._record, self._unmasked)
        return self._gate.begin_read(self._policies, self._read)

    def leave(self) -> Decision | Undecided:
        """Return the recorded decision on the text that came when nobody waits for it any more.

        Or what waits until it was looked at. What has passed must not go unrecorded. Classifiers
        are not asked: they cannot be known.
        """
        self._end()
        return self._gate.begin_read(self._policies, self._read, ask=False)

    def abandon(self) -> Decision:
        """Return what `leave` does, at once."""
        self._end()
        return self._gate.decide_read(self._policies, self._read)

    def confirm(self, decision: Decision) -> Decision:
        """Return *decision*, or a recorded ``deny`` where it lets a stream pass that was stopped.

        So it is when a limit has room again by now: what was not passed on is not called passed.
        """
        if not self.stopped or decision.effective_action not in PASSES:
            return decision
        return self._gate.enter(self._policies, self._record, self._stopped)

    def _stopped(self, decision_id: str) -> Decision:
        reason = Reason(policy="", action="deny", message=STOPPED)
        return Decision(
            action="deny",
            effective_action="deny",
            reasons=(reason,),
            revision=self._policies.revision,
            request_id=self._record.request_id,
            decision_id=decision_id,
        )

    def release(self, decision: Decision) -> Passed:
        """Return what was held back, if *decision* lets it pass."""
        if self.stopped or decision.effective_action not in PASSES:
            return NOTHING
        return joined((self._rest, self._flow().finish()))

    def _found(self, finding: Finding) -> bool:
        """Return whether the stream is to end before *finding*."""
        if finding.entity not in self._foresight.watched or finding.entity in self._heard:
            return False
        self._heard |= {finding.entity}
        known = foresee(
            self._policies, self._record, self._gate.at_hand, self._gate.now, self._heard
        )
        if known.blocked:
            self._foresight = known
        return known.blocked

    def _read(self) -> Record:
        """Return the request with the text that came. What could be masked in a stream, is."""
        text = "".join(self._pieces)
        if self._stream is not None and self._stream.ended >= 0:
            text = text[: self._stream.ended]
        standard, context = self._request
        able = self._record.capabilities
        if able is not None and "mask_stream" in able:
            standard = {**standard, "capabilities": sorted(able | {"mask"})}
        reader = self._policies.reader
        if not self._over:
            record = reader.read_parts({**standard, CONTENT: text}, context)
            record.streamed = self._done()  # type: ignore[misc]  # nobody else has it yet
            return record
        record = reader.read_parts(standard, context)
        record.content = text  # type: ignore[misc]  # nobody else has it yet
        record.too_large = f"{CONTENT}: {too_large(len(text), reader.limit)}"  # type: ignore[misc]
        return record

    def _done(self) -> Streamed:
        """Return what was done with the text that came."""
        strategies = self._foresight.strategies
        endless = [] if self._stream is None else self._stream.endless()
        return Streamed(
            0 if self._back is None else self._back.count,
            tuple(
                DecidedRedaction(
                    path=CONTENT,
                    start=one.start,
                    end=one.end,
                    entity=one.entity,
                    strategy=strategies[one.entity].name,
                )
                for one in endless
                if one.entity in strategies
            ),
        )

    def _unmasked(self, decision_id: str) -> Decision:
        return Decision(
            action="redact",
            effective_action="deny",
            reasons=tuple(one.reason for one in self._foresight.redactions),
            revision=self._policies.revision,
            downgrade_reason=CANNOT_MASK,
            request_id=self._record.request_id,
            decision_id=decision_id,
        )


def open_guard(gate: Gate, standard: Mapping[str, object], context: bytes) -> Guarding:
    """Return a guarded stream of a response about which *standard* parts and *context* are known.

    Raises NotReady before there are policies, and InvalidRequest when the request does not fit the
    schema, or brings the content along.
    """
    twice = [name for name in (CONTENT, "messages") if name in standard]
    if twice:
        raise InvalidRequest(tuple(Problem(name, ELSEWHERE) for name in twice))
    policies = gate.policies
    return Guarding(
        gate, policies, (standard, context), policies.reader.read_parts(standard, context)
    )


def shown(decision: Decision) -> Decision:
    """Return *decision* without the content, which has flowed."""
    return msgspec.structs.replace(decision, content=None)


def scanner_of(policies: PolicySet) -> Scanner:
    """Return the scanner of *policies*; windows of a stream are not worth remembering."""
    scanner = policies.senses.scanner
    if isinstance(scanner, RememberingScanner):
        scanner = scanner.inner
    assert isinstance(scanner, Scanner)
    return scanner


def hold_of(policies: PolicySet, scanner: Scanner, entities: frozenset[str]) -> Hold:
    """Return what is held back for *entities*, remembered with the policies: it takes long."""
    found = policies.holds.get(entities)
    if found is None:
        found = make_hold(scanner, entities, policies.stream_hold)
        if len(policies.holds) >= MOST_HOLDS:
            policies.holds.clear()
        policies.holds[entities] = found
    return found


def make_automata(policies: PolicySet, entities: frozenset[str]) -> None:
    """Make what streams need in which *entities* are looked for."""
    scanner = scanner_of(policies)
    hold = hold_of(policies, scanner, entities)
    StreamRedactor(scanner, hold, entities, Redaction({}, b"", "")).feed(SAMPLE)


def prepare_guards(policies: PolicySet) -> None:
    """Make what most responses will need that stream, so that the first need not wait for it."""
    entities = expected(policies)
    if entities:
        make_automata(policies, entities)
