"""The store of reviews against a plain model: what a person with a notebook would write down."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.storage.reviews import Move, NoReview, Refused, Shown, Verb, Wanted
from tests.storage import postgres
from tests.storage.asked import NOW, asked
from tests.storage.places import Kind, new_place

IDS = st.sampled_from(["r1", "r2", "r3"])
NAMES = st.sampled_from(["ann", "bob", "eve"])
WITHIN = 100
LEASE = 30
NEEDED = {"r1": 1, "r2": 2, "r3": 3}


@dataclass
class Note:
    """A page of the notebook."""

    deadline: int
    state: str = "open"
    rounds: int = 1
    holder: str = ""
    held_until: int = 0
    approved: list[str] = field(default_factory=list)
    text: str = "refund 600"
    edited: bool = False
    over_at: int = 0
    lines: int = 1


class Reviews(RuleBasedStateMachine):
    """Two processes' connections to one place, used in turn."""

    kind: Kind = "sqlite"

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        place = new_place(self.kind, Path(self.folder.name))
        self.stores = [place.open(), place.open()]
        self.notes: dict[str, Note] = {}
        self.now = NOW
        self.told = 0

    def teardown(self) -> None:
        if hasattr(self, "stores"):
            for one in self.stores:
                one.close()
            self.folder.cleanup()

    def over(self, review_id: str) -> bool:
        """Write the end of a review down where it has come."""
        note = self.notes[review_id]
        if note.state == "open" and self.now >= note.deadline:
            note.state, note.over_at, note.holder = "expired", note.deadline, ""
            note.lines += 1
        return note.state != "open"

    @rule(seconds=st.sampled_from([1, 10, 30, 60, 200]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(review_id=IDS, by=st.sampled_from([0, 1]))
    def ask(self, review_id: str, by: int) -> None:
        question = asked(review_id, within=WITHIN, at=self.now, needed=NEEDED[review_id])
        found = self.stores[by].open_or_join(question, self.now)
        note = self.notes.get(review_id)
        if note is None:
            note = self.notes[review_id] = Note(self.now + WITHIN)
        elif self.over(review_id) and self.now >= note.over_at + WITHIN:
            lines, rounds = note.lines + 1, note.rounds + 1
            note = self.notes[review_id] = Note(self.now + WITHIN, lines=lines, rounds=rounds)
        assert (found.state, found.round) == (note.state, note.rounds)

    @rule(review_id=IDS, who=NAMES, to=NAMES, by=st.sampled_from([0, 1]), data=st.data())
    def act(self, review_id: str, who: str, to: str, by: int, data: st.DataObject) -> None:
        verbs: list[Verb] = ["claim", "release", "hand_over", "approve", "reject", "edit"]
        verb = data.draw(st.sampled_from(verbs))
        text = data.draw(st.sampled_from(["refund 6", "refund 7"]))
        shown = Shown(content=text) if verb == "edit" else None
        move = Move(verb=verb, who=who, to=to, lease=LEASE, shown=shown)
        try:
            self.stores[by].act(review_id, move, self.now)
        except NoReview:
            assert review_id not in self.notes
            return
        except Refused:
            done = False
        else:
            done = True
        assert done == self.noted(review_id, move, text)
        self.notes[review_id].lines += 1

    def allowed(self, review_id: str, move: Move) -> bool:
        """Return whether the act may be done."""
        over, note, who = self.over(review_id), self.notes[review_id], move.who
        holder = note.holder if self.now < note.held_until else ""
        if over or holder not in {"", who}:
            return False
        if note.edited and move.verb in {"approve", "edit"} and not holder:
            return False
        match move.verb:
            case "release":
                return bool(holder)
            case "hand_over":
                return bool(holder) and move.to != "ann"
            case "claim" | "edit":
                return who != "ann"
            case "approve":
                return who != "ann" and who not in note.approved
            case _:
                return True

    def noted(self, review_id: str, move: Move, text: str) -> bool:
        """Write the act down; return whether it may be done."""
        if not self.allowed(review_id, move):
            return False
        note, who = self.notes[review_id], move.who
        match move.verb:
            case "claim":
                note.holder, note.held_until = who, self.now + LEASE
            case "hand_over":
                note.holder, note.held_until = move.to, self.now + LEASE
            case "release":
                note.holder = ""
            case "reject":
                note.state, note.over_at = "rejected", self.now
            case _:
                note.holder = ""
                if move.verb == "edit":
                    note.text, note.edited, note.approved = text, True, []
                note.approved.append(who)
                if len(note.approved) == NEEDED[review_id]:
                    note.state = "edited" if note.edited else "approved"
                    note.over_at = self.now
        return True

    @rule(by=st.sampled_from([0, 1]))
    def expire(self, by: int) -> None:
        ends = [
            one for one in self.notes.values() if one.state == "open" and one.deadline <= self.now
        ]
        assert self.stores[by].expire(self.now, 10) == len(ends)
        for each in self.notes:
            self.over(each)

    @rule(by=st.sampled_from([0, 1]), most=st.sampled_from([1, 100]))
    def tell(self, by: int, most: int) -> None:
        left = sum(note.lines for note in self.notes.values()) - self.told
        deeds = self.stores[by].untold(most, self.now)
        self.stores[1 - by].told([one.number for one in deeds])
        told = len(deeds)
        assert told == min(most, left)
        self.told += told

    @invariant()
    def both_show_what_the_notebook_says(self) -> None:
        for store in getattr(self, "stores", ()):
            for review_id, note in self.notes.items():
                found = store.find(review_id, self.now)
                overdue = note.state == "open" and self.now >= note.deadline
                assert found.state == ("expired" if overdue else note.state)
                held = not overdue and note.state == "open" and self.now < note.held_until
                assert found.claimant(self.now) == (note.holder if held else "")
                assert found.released.content == note.text
                assert len(store.history(review_id)) == note.lines

    @rule()
    def browse(self) -> None:
        for each in self.notes:
            self.over(each)
        for state in ("open", "approved", "rejected", "edited", "expired"):
            page = self.stores[0].browse(Wanted(state=state), "", 9, self.now)
            found = {one.question.review_id for one in page.reviews}
            assert found == {each for each, note in self.notes.items() if note.state == state}


class FarReviews(Reviews):
    """The same in PostgreSQL."""

    kind = "postgresql"


class LongReviews(Reviews):
    """The same for the nightly run."""


Reviews.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
LongReviews.TestCase.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
FarReviews.TestCase.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
TestReviews = pytest.mark.slow(Reviews.TestCase)
TestFarReviews = pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING)(
    pytest.mark.slow(FarReviews.TestCase)
)
TestReviewsLong = pytest.mark.nightly(LongReviews.TestCase)
