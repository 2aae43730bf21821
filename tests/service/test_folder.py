from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.language.diagnostics import Report
from engine.language.text import NOWHERE
from engine.service import folder
from engine.service.compiled import compile_folder
from engine.service.folder import Folder, digest_inputs, read_data, read_folder


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def read(root: Path) -> tuple[list[str], list[str]]:
    report = Report()
    found = read_folder(root, report)
    return [one.path for one in found.sources], [one.code for one in report.sorted()]


def test_every_policy_below_the_root_is_read_in_the_order_of_paths(tmp_path: Path) -> None:
    write(tmp_path, {"b.pol": "", "a/z.pol": "", "a/b/c.pol": "", "a/readme.md": "x"})
    assert read(tmp_path) == (["a/b/c.pol", "a/z.pol", "b.pol"], [])


def test_texts_are_kept_by_path_without_a_byte_order_mark(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": b"\xef\xbb\xbfpackage a"})
    assert read_folder(tmp_path, Report()).texts == {"a.pol": "package a"}


def test_hidden_names_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": "", ".b.pol": "", ".git/c.pol": "", "..data/d.pol": ""})
    assert read(tmp_path) == (["a.pol"], [])


def test_names_that_are_no_text_are_told_where_they_would_matter(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": ""})
    for name in (b"\xff.pol", b"\xfe.txt", b"\xfd/b.pol"):
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    report = Report()
    assert [one.path for one in read_folder(tmp_path, report).sources] == ["a.pol"]
    assert [(one.code, one.span.path, one.message) for one in report.sorted()] == [
        ("E803", "\ufffd", "cannot be read: its name is not UTF-8"),
        ("E803", "\ufffd.pol", "cannot be read: its name is not UTF-8"),
    ]


def test_the_root_may_have_any_name(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"\xff")
    assert compile_folder(write(root, {"a.pol": "policy p { default allow }"})).revision


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path, {"a/a.pol": ""})
    (tmp_path / "a/again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a/self").symlink_to(tmp_path / "a", target_is_directory=True)
    paths, codes = read(tmp_path)
    assert (len(paths), codes) == (1, [])


def test_a_file_that_is_reached_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": ""})
    (tmp_path / "b.pol").symlink_to(tmp_path / "a.pol")
    assert read(tmp_path) == (["a.pol"], [])


def test_a_mounted_configuration_map_is_read_through_its_links(tmp_path: Path) -> None:
    write(tmp_path, {"..2026/a.pol": "package a"})
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.pol").symlink_to("..data/a.pol")
    assert read(tmp_path) == (["a.pol"], [])


def test_a_link_to_nowhere_is_named_when_it_is_a_policy(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": ""})
    (tmp_path / "b.pol").symlink_to(tmp_path / "gone")
    (tmp_path / "notes").symlink_to(tmp_path / "gone")
    assert read(tmp_path) == (["a.pol"], ["E803"])


def test_a_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    assert read(tmp_path / "gone") == ([], ["E801"])
    write(tmp_path, {"a.pol": ""})
    assert read(tmp_path / "a.pol") == ([], ["E801"])


@pytest.mark.parametrize("inside", ["loop", "a.pol/below"])
def test_a_root_that_cannot_be_one_is_named(tmp_path: Path, inside: str) -> None:
    write(tmp_path, {"a.pol": ""})
    (tmp_path / "loop").symlink_to("loop")
    assert read(tmp_path / inside) == ([], ["E803" if inside == "loop" else "E801"])


def test_a_folder_without_policies_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": ""})
    assert read(tmp_path) == ([], ["E802"])


def test_a_socket_is_no_policy(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": ""})
    os.mkfifo(tmp_path / "b.pol")
    assert read(tmp_path) == (["a.pol"], ["E803"])


def test_bytes_that_are_not_utf8_are_named_with_line_and_column(tmp_path: Path) -> None:
    write(tmp_path, {"a.pol": b"package a\n# \xc3\xa4 \xff"})
    report = Report()
    read_folder(tmp_path, report)
    (found,) = report.sorted()
    assert (found.code, str(found.span)) == ("E100", "a.pol:2:5")


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "POLICY_BYTES", 3)
    write(tmp_path, {"a.pol": "1234", "b.pol": "123"})
    assert read(tmp_path) == (["b.pol"], ["E804"])


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_FILES", 2)
    write(tmp_path, {f"{name}.pol": "" for name in "abcd"})
    assert read(tmp_path) == (["a.pol", "b.pol"], ["E805"])


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """Reading as root ignores modes, so what cannot be read is a folder that vanished or a loop."""
    write(tmp_path, {"a.pol": ""})
    (tmp_path / "b.pol").symlink_to("b.pol")
    return tmp_path


def test_what_cannot_be_read_is_named_and_the_rest_is_read(locked: Path) -> None:
    assert read(locked) == (["a.pol"], ["E803"])


def test_a_file_that_vanishes_while_reading_is_named(tmp_path: Path) -> None:
    report = Report()
    assert folder.read_policy(tmp_path / "gone.pol", "gone.pol", report) is None
    assert [one.code for one in report.found] == ["E803"]


def test_a_folder_that_vanishes_while_reading_is_named(tmp_path: Path) -> None:
    report = Report()
    assert list(folder.policy_files(tmp_path / "gone", report)) == []
    assert [one.code for one in report.found] == ["E803"]


def data(root: Path, written: str) -> tuple[bytes | None, list[str]]:
    report = Report()
    found = read_data(Folder(root, ()), written, NOWHERE, report)
    return found, [one.code for one in report.found]


def test_data_is_read_relative_to_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"x/t.json": "{}"})
    assert data(tmp_path, "x/t.json") == (b"{}", [])


@pytest.mark.parametrize("written", ["/etc/passwd", "../t.json", "x/../../t.json", "a\0b"])
def test_data_outside_the_root_is_refused(tmp_path: Path, written: str) -> None:
    assert data(tmp_path, written) == (None, ["E806"])


def test_a_link_that_leads_outside_the_root_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"secret.json": "{}", "root/a.pol": ""})
    (tmp_path / "root/t.json").symlink_to("../secret.json")
    assert data(tmp_path / "root", "t.json") == (None, ["E806"])


def test_vanished_data_is_named(tmp_path: Path) -> None:
    assert data(tmp_path, "gone.txt") == (None, ["E807"])


def test_a_loop_in_place_of_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.json").symlink_to("t.json")
    assert data(tmp_path, "t.json") == (None, ["E807"])


def test_a_pipe_in_place_of_data_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.json")  # Who opened it would wait for ever.
    assert data(tmp_path, "t.json") == (None, ["E807"])


def test_data_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "DATA_BYTES", 1)
    write(tmp_path, {"t.json": "{}"})
    assert data(tmp_path, "t.json") == (None, ["E804"])


def test_the_revision_depends_on_every_path_and_byte_and_on_nothing_else() -> None:
    base = digest_inputs({"a": b"x", "b": b"y"})
    assert digest_inputs({"b": b"y", "a": b"x"}) == base
    others = [
        digest_inputs({"a": b"x", "b": b"z"}),
        digest_inputs({"a": b"x", "c": b"y"}),
        digest_inputs({"a": b"x"}),
        digest_inputs({"a": b"xb", "": b"y"}),
    ]
    assert len({base, *others}) == 5
