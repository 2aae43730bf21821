from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.service.audit import KEY, Audit
from engine.service.earlier import NO_SESSION, NO_TRAIL, Earlier, earlier
from engine.service.entries import AdminEntry, Entry, ReasonEntry
from engine.service.labels import NoLabel, label_of, overturned
from engine.service.notify import instant
from engine.service.times import iso_time
from engine.storage.source import segment_files

START = instant("2026-01-02T03:04:05.000000Z")
SECOND = 10**9


class Book:
    """An audit trail in which decisions are written down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "audit"
        self.audit = Audit(
            self.folder, folder / KEY, "deny", name="n.example/a", time=lambda: iso_time(START)
        )

    def write(self, number: int, action: str = "allow", **more: object) -> None:
        texts = {"tenant": "north", "user": "ann", "stage": "request", "session": "s", **more}
        self.audit.write(
            Entry(
                time=iso_time(START + number * SECOND),
                decision_id=f"d{number}",
                revision="r",
                action=action,
                effective_action=action,
                reasons=(ReasonEntry(policy="p", rule="p.r", action=action),),
                evaluated_in=1,
                **texts,  # type: ignore[arg-type]
            )
        )


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.audit.close()


def ids(found: Earlier) -> list[str]:
    return [one.decision_id for one in found.decisions]


def test_what_was_decided_before_is_told_the_oldest_first(book: Book) -> None:
    for number in range(5):
        book.write(number, labels=("tainted",) if number == 2 else ())
    found = earlier(book.folder, "north", "s", START + 4 * SECOND, 3)
    assert ids(found) == ["d1", "d2", "d3"]
    assert found.missing == ""
    second = found.decisions[1]
    assert (second.time, second.stage, second.action) == (
        "2026-01-02T03:04:07.000000Z",
        "request",
        "allow",
    )
    assert (second.effective_action, second.rules, second.labels) == (
        "allow",
        ("p.r",),
        ("tainted",),
    )


def test_other_conversations_and_tenants_are_not_told(book: Book) -> None:
    book.write(0, tenant="south")
    book.write(1, session="t")
    book.write(2)
    assert ids(earlier(book.folder, "north", "s", START + 9 * SECOND)) == ["d2"]


def test_where_nothing_is_known_it_says_why(tmp_path: Path) -> None:
    assert earlier(tmp_path, "north", "", START).missing == NO_SESSION
    assert earlier(None, "north", "s", START).missing == NO_TRAIL
    assert earlier(tmp_path / "none", "north", "s", START).missing == NO_TRAIL
    assert earlier(tmp_path, "north", "s", START) == Earlier()


def test_what_was_altered_is_not_told_and_said(book: Book) -> None:
    book.write(0)
    book.write(1)
    book.audit.close()
    (path,) = segment_files(book.folder)
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    found = earlier(book.folder, "north", "s", START + 9 * SECOND)
    assert ids(found) == ["d0"]
    assert "verify" in found.missing


def test_a_folder_that_cannot_be_read_is_told(book: Book) -> None:
    book.write(0)
    book.audit.close()
    (path,) = segment_files(book.folder)
    path.write_bytes(b"noise")
    assert earlier(book.folder, "north", "s", START + 9 * SECOND).missing != ""


def test_a_denial_is_overturned_once_and_stays_what_it_was(book: Book) -> None:
    book.write(0, "deny")
    line = label_of(book.folder, "d0", "bob", "a known customer", iso_time(START))
    assert (line.act, line.who) == ("overturned", "bob")
    assert overturned(book.folder) == ()
    book.audit.write(line)
    (label,) = overturned(book.folder)
    assert (label.decision_id, label.rules, label.note) == ("d0", ("p.r",), "a known customer")
    with pytest.raises(NoLabel, match="bob has overturned it already"):
        label_of(book.folder, "d0", "eve", "", iso_time(START))
    assert earlier(book.folder, "north", "s", START + SECOND).decisions[0].action == "deny"


def test_other_acts_are_no_labels(book: Book) -> None:
    book.audit.write(AdminEntry(time=iso_time(START), act="held", who="bob"))
    assert overturned(book.folder) == ()


def test_only_denials_are_overturned(book: Book) -> None:
    book.write(0)
    with pytest.raises(NoLabel, match="the decision was allow"):
        label_of(book.folder, "d0", "bob", "", iso_time(START))
    with pytest.raises(NoLabel, match="there is no decision `d9`"):
        label_of(book.folder, "d9", "bob", "", iso_time(START))
