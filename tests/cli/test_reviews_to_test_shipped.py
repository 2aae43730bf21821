"""Every request of the shipped tests that asks a person becomes a test that passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from engine.cli.reviews_to_test import objection, write_test
from engine.cli.test_run import RECIPE
from engine.language import program
from engine.runtime.memory import MemoryStore
from engine.service.bundles import load_folder
from engine.service.gate import Gate
from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.storage.reviews_sqlite import SqliteReviews
from tests.service.test_gate import Clock

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "policies/starter", ROOT / "policies/examples/reviews"]


def requests(steps: Sequence[program.Step]) -> Iterator[Mapping[str, object]]:
    """Yield what a test asks when the state is empty and nothing is stood in for."""
    for step in steps:
        match step:
            case program.Mock() | program.At() | program.Repeat():
                return
            case program.Given(request) | program.Case(request=request):
                yield request
            case _:
                pass


@pytest.mark.slow
@pytest.mark.parametrize("root", FOLDERS, ids=lambda path: path.name)
def test_what_asks_a_person_becomes_a_test_that_passes(root: Path, tmp_path: Path) -> None:
    policies = load_folder(root, RECIPE)
    reviews = Reviews(SqliteReviews(tmp_path / "reviews.db"), NoRecorder(), Clock())
    gate = Gate(MemoryStore(), NoRecorder(), secret=RECIPE.secret, clock=Clock(), reviews=reviews)
    gate.swap(policies)
    blocks: dict[str, str] = {}
    for test in policies.program.tests:
        for request in requests(test.steps):
            asked = {name: value for name, value in request.items() if name != "session"}
            found = gate.decide(asked).escalation
            if found is not None:
                review = reviews.find(found.review_id)
                blocks[found.review_id] = write_test(review, policies, mended=False).text
    gate.close()
    assert blocks
    escalating = [one for one in blocks.values() if "expect escalate by" in one]
    assert len(escalating) == len(blocks)
    assert objection(root, "\n".join(blocks.values())) == ""
