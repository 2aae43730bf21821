from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.service.keys import load_key
from engine.storage.reviews import Move
from tests.cli.calling import call
from tests.cli.test_reviews import Place
from tests.service.test_earlier import Book


@pytest.fixture
def book(tmp_path: Path) -> Book:
    load_key(tmp_path / "secret.key")
    made = Book(tmp_path)
    made.write(0, "deny")
    made.write(1)
    made.audit.close()
    return made


def overturn(folder: Path, decision: str, *options: str, code: int = 0) -> str:
    made = call("reviews", "overturn", decision, "--data", folder, "--as", "bob", *options)
    assert made.exit_code == code, made.output
    return made.stdout + made.stderr


@pytest.mark.usefixtures("book")
def test_a_denial_that_was_wrong_counts_for_its_rule(tmp_path: Path) -> None:
    said = overturn(tmp_path, "d0", "--note", "known")
    assert said == "d0 is overturned: a label of p.r\n"
    place = Place(tmp_path)
    place.ask("a")
    place.store.act("a", Move(verb="reject", who="bob"), place.now)
    made = json.loads(place.run("stats", "--json"))
    rule = made["rules"]["p.r"]
    assert (rule["overturned"], rule["rejected"], rule["passed"]) == (1, 1, 0.5)
    assert made["reviewers"]["bob"]["overturned"] == 0
    elsewhere = json.loads(place.run("stats", "--json", "--trail", str(tmp_path / "none")))
    assert elsewhere["rules"]["p.r"]["overturned"] == 0
    place.store.close()


@pytest.mark.usefixtures("book")
def test_what_cannot_be_overturned_is_refused(tmp_path: Path) -> None:
    assert "the decision was allow" in overturn(tmp_path, "d1", "--note", "x", code=1)
    assert "there is no decision `d7`" in overturn(tmp_path, "d7", "--note", "x", code=1)
    assert "4,096 are the most" in overturn(tmp_path, "d0", "--note", "x" * 5000, code=1)
    overturn(tmp_path, "d0", "--note", "x")
    assert "bob has overturned it already" in overturn(tmp_path, "d0", "--note", "x", code=1)


def test_where_there_is_no_trail_nothing_is_overturned(tmp_path: Path, book: Book) -> None:
    said = overturn(tmp_path, "d0", "--note", "x", "--trail", str(tmp_path / "none"), code=2)
    assert "No such file" in said
    (book.folder / "audit.pub").unlink()
    assert "there is no audit trail" in overturn(tmp_path, "d0", "--note", "x", code=2)
    (book.folder / "audit.pub").write_text("nonsense\n")
    assert "cannot be signed" in overturn(tmp_path, "d0", "--note", "x", code=2)


def test_labels_that_cannot_be_read_are_told(tmp_path: Path, book: Book) -> None:
    place = Place(tmp_path)
    place.ask("a")
    for path in book.folder.glob("*.seg"):
        path.write_bytes(b"noise")
    assert "not counted" in place.run("stats")
    place.store.close()
