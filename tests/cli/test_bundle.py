from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.bundle import Selection, existing, placed, read_texts, seen, select
from engine.language.diagnostics import Diagnostic
from engine.language.text import Span
from tests.cli.calling import DOOR, folder

PLACE = Span("a/b.pol", 0, 1, 1, 1, 1, 2)


def test_a_file_stands_for_its_folder_and_for_itself(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.pol": DOOR, "b.pol": DOOR})
    (one,) = select([str(root / "a.pol")])
    assert (one.root, one.covers("a.pol"), one.covers("b.pol")) == (root, True, False)
    (both,) = select([str(root / "a.pol"), str(root / "b.pol")])
    assert both.covers("b.pol")


def test_a_folder_stands_for_everything_in_it_whatever_else_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.pol": DOOR})
    (one,) = select([str(root / "a.pol"), str(root)])
    assert one.covers("b.pol")
    assert Selection(root).covers("deep/c.pol")


@pytest.mark.parametrize("name", ["gone", "a\0b", "x" * 300])
def test_what_is_not_there_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        existing(name)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("engine: ")


def test_places_are_seen_from_here() -> None:
    root = Path("policies")
    note = ("here too", PLACE)
    (made,) = placed(root, [Diagnostic("E1", "x", PLACE, notes=(note,))])
    assert made.span.path == made.notes[0][1].path == "policies/a/b.pol"
    assert seen(Path(), PLACE) == PLACE
    itself = PLACE._replace(path="policies")
    assert seen(root, itself) == itself


def test_texts_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.pol"
    file.write_bytes(b"x \xff")
    found = [Diagnostic("E1", "x", PLACE._replace(path=name)) for name in (str(file), "gone.pol")]
    assert read_texts(found) == {str(file): "x \ufffd"}
