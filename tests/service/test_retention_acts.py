"""What says what was pruned goes too, when nothing is missed any more that it tells of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.service.audit import PUBLIC, Audit
from engine.service.entries import AdminEntry
from engine.service.retention import Forgotten, hold, prune, release
from engine.storage.acts import needless_acts
from engine.storage.checkpoints import CheckpointFile
from engine.storage.header import OPEN
from engine.storage.holds import Hold
from engine.storage.index import ENDING
from engine.storage.moment import time_of
from engine.storage.notes import Verifier, read_verifier
from engine.storage.query import find
from engine.storage.retention import DAY, Keep, Rules
from engine.storage.roll import Damaged
from engine.storage.source import segment_files
from engine.storage.verify import verify_folder
from engine.storage.wanted import Wanted
from tests.service.test_record import entry

START = 1_800_000_000_000_000
RULES = Rules(others=Keep(days=5), tenants={"south": Keep(days=9), "west": Keep(days=20)})


class Yard:
    """A folder whose days go by."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "audit"
        self.day = 0

    @property
    def now(self) -> int:
        return START + self.day * DAY

    def opened(self) -> Audit:
        return Audit(
            self.folder, self.root / "key", "deny", name="x", time=lambda: time_of(self.now)
        )

    def work(self, *tenants: str, admin: str = "") -> None:
        """Have a process record something of each, and end."""
        audit = self.opened()
        for tenant in tenants:
            made = msgspec.structs.replace(
                entry(), time=time_of(self.now), tenant=tenant, decision_id=f"{tenant}{self.day}"
            )
            audit.write(made)
        if admin:
            audit.write(AdminEntry(time=time_of(self.now), act=admin))
        audit.close()

    def prune(self, opener: Callable[[], Audit] | None = None) -> Forgotten:
        return prune(self.folder, RULES, self.now, opener or self.opened, who="ann")

    @property
    def verifier(self) -> Verifier:
        return read_verifier((self.folder / PUBLIC).read_text())

    def problems(self) -> list[str]:
        return [str(one) for one in verify_folder(self.folder, [self.verifier]).problems]

    def acts(self) -> list[str]:
        found = find(self.folder, Wanted(kind="admin"))
        return [
            str(one.fields["what"]["segment"])  # type: ignore[index]  # of acts of pruning
            for one in found
            if one.text("act") == "pruned"
        ]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


@pytest.mark.slow
def test_a_folder_whose_days_go_by_does_not_grow(yard: Yard) -> None:
    sizes: list[tuple[int, int]] = []
    for day in range(45):
        yard.day = day
        yard.work("north", "south")
        assert yard.prune().told == []
        assert yard.problems() == []
        lines = len(list(CheckpointFile(yard.folder).lines()))
        sizes.append((len(segment_files(yard.folder)), lines))
    assert sizes[44] == sizes[34]
    assert len(yard.acts()) < 40
    left = [one.text("decision_id") for one in find(yard.folder, Wanted(kind="decision"))]
    assert sorted(left) == sorted(
        [f"north{day}" for day in range(39, 45)] + [f"south{day}" for day in range(35, 45)]
    )


def test_an_act_goes_when_a_later_one_tells_more(yard: Yard) -> None:
    yard.work("north", "south", "west", admin="started")
    yard.day = 6
    assert yard.prune().records == 2  # And what was started.
    (first,) = yard.acts()
    assert needless_acts(yard.folder, yard.verifier) == frozenset()
    yard.day = 10
    yard.prune()
    assert yard.acts() == [first, first]
    (needless,) = needless_acts(yard.folder, yard.verifier)
    assert needless[1] == 0
    yard.day = 12
    yard.prune()
    assert yard.problems() == []
    assert sorted(yard.acts()) == sorted([first, f"{needless[0]}-00000000"])
    yard.day = 21
    yard.prune()
    assert yard.problems() == []
    assert first in yard.acts()
    yard.day = 27
    yard.prune()
    assert yard.problems() == []
    assert first not in yard.acts()  # The trail is gone, and so is what signed it.
    assert len(segment_files(yard.folder)) == 1


def test_what_a_trail_that_is_there_lacks_stays_told(yard: Yard) -> None:
    yard.work("north", "south")
    hold(
        yard.folder,
        Hold(id="", tenant="south", since=time_of(yard.now), who="ann", reason="case"),
        yard.opened,
    )
    for day in (6, 20, 40):
        yard.day = day
        yard.prune()
        assert yard.problems() == []
        assert len(yard.acts()) == 1
    (held,) = find(yard.folder, Wanted(kind="admin", until=time_of(START + DAY)))
    assert held.text("act") == "held"
    what = held.fields["what"]
    assert isinstance(what, dict)
    release(yard.folder, str(what["id"]), yard.opened, who="ann", reason="over", now=yard.now)
    yard.prune()
    assert yard.problems() == []
    told = [one.text("act") for one in find(yard.folder, Wanted(kind="admin"))]
    assert sorted(set(told)) == ["held", "pruned", "released"]


def pruned_once(yard: Yard) -> dict[str, object]:
    """Have something pruned; return what the act says of it."""
    yard.work("north", "south")
    yard.day = 6
    yard.prune()
    (act,) = find(yard.folder, Wanted(kind="admin"))
    what = act.fields["what"]
    assert isinstance(what, dict)
    return what


def test_an_act_that_is_not_signed_takes_the_place_of_none(yard: Yard) -> None:
    what = pruned_once(yard)
    audit = yard.opened()
    audit.write(AdminEntry(time=time_of(yard.now), act="pruned", what=what | {"pruned": 2}))
    audit.wait()
    segment = audit._trail._segment
    audit._trail._segment.close()
    assert not segment.path.name.endswith(OPEN)
    assert len(yard.acts()) == 2
    assert needless_acts(yard.folder, yard.verifier) == frozenset()


def test_an_act_of_what_was_not_done_takes_the_place_of_none(yard: Yard) -> None:
    """A crash between what says so and what does it."""
    what = pruned_once(yard)
    for change in ({"pruned": 2, "numbers": "0"}, {"pruned": 2, "deleted": True, "numbers": "0"}):
        audit = yard.opened()
        audit.write(AdminEntry(time=time_of(yard.now), act="pruned", what=what | change))
        audit.close()
        assert needless_acts(yard.folder, yard.verifier) == frozenset()
    audit = yard.opened()
    audit.write(
        AdminEntry(
            time=time_of(yard.now),
            act="pruned",
            what=what | {"segment": f"{audit._trail.name}-00000000", "trail": audit._trail.name},
        )
    )
    audit.tend()
    assert needless_acts(yard.folder, yard.verifier) == frozenset()
    audit.close()


def test_with_a_damaged_checkpoint_all_acts_stay_and_that_is_told(yard: Yard) -> None:
    yard.work("north", "south")
    path = CheckpointFile(yard.folder).path
    path.write_bytes(b'"damaged"\n' + path.read_bytes())
    yard.day = 6
    yard.prune()
    with pytest.raises(Damaged):
        needless_acts(yard.folder, yard.verifier)
    yard.day = 12
    told = yard.prune().told
    assert told[0].startswith("what says what was pruned stays: checkpoint 1: ")


def test_without_a_key_or_a_checkpoint_no_act_is_needless(yard: Yard) -> None:
    yard.work("north", "south")
    yard.day = 6
    yard.prune()
    verifier = yard.verifier
    (yard.folder / PUBLIC).unlink()
    yard.day = 7
    assert yard.prune().told == []
    CheckpointFile(yard.folder).path.unlink()
    assert needless_acts(yard.folder, verifier) == frozenset()


def test_a_broken_index_of_what_was_pruned_is_made_anew(yard: Yard) -> None:
    yard.work("north", "south", admin="started")
    yard.day = 6
    yard.prune()
    audit = yard.opened()
    (act,) = find(yard.folder, Wanted(kind="admin"))
    what = act.fields["what"]
    assert isinstance(what, dict)
    audit.write(AdminEntry(time=time_of(yard.now), act="pruned", what=what))
    audit.close()
    (path,) = [one for one in segment_files(yard.folder) if one.name.startswith(str(what["trail"]))]
    yard.prune()
    index = path.with_suffix(ENDING)
    data = index.read_bytes()
    index.write_bytes(data[: data.index(b"\n") + 20])
    (needless,) = needless_acts(yard.folder, yard.verifier)
    assert needless[1] == 0
