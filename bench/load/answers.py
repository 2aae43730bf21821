"""What answers were worth: times, and whether each was the right one."""

from __future__ import annotations

from array import array

from bench.load.spec import Load

SAMPLE = 97
"""Of so many answers one is kept; a prime, so that all bodies have their turn."""
MOST_SAMPLES = 400


class Tally:
    """Collects the answers of all connections of one measurement."""

    def __init__(self, load: Load) -> None:
        self.proofs = load.proofs
        self.begun = 0
        """Calls that were due earlier are not counted."""
        self.latencies = array("q")
        self.dues = array("q")
        """When the calls were due that have these latencies."""
        self.done = 0
        self.wrong = 0
        self.problem = ""
        self.samples: list[tuple[int, bytes]] = []

    def answer(self, due: int, now: int) -> None:
        """Note that what was *due* then was answered *now*, and rightly."""
        self.done += 1
        if due >= self.begun:
            self.latencies.append(now - due)
            self.dues.append(due)

    def fail(self, problem: str) -> None:
        """Note an answer that was none."""
        self.done += 1
        self.wrong += 1
        self.problem = self.problem or problem

    def proved(self, number: int, body: bytes) -> bool:
        """Return whether *body* answers the question of that *number*."""
        if self.done % SAMPLE == 0 and len(self.samples) < MOST_SAMPLES:
            self.samples.append((number, bytes(body)))
        at = 0
        for proof in self.proofs[number]:
            at = body.find(proof, at)
            if at < 0:
                self.problem = self.problem or f"question {number} was answered {bytes(body)!r}"
                return False
            at += len(proof)
        return True
