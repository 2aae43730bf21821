from __future__ import annotations

from pathlib import Path

import pytest

from engine.daemon.config import load_settings
from tests.cli.calling import call
from tests.documents import commands, fits, read_blocks
from tests.newcomer import Newcomer


def test_the_folder_passes_its_own_checks_and_tests_in_full(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "mine"
    result = call("new", root)
    assert f"made {root}/policies/assistant.pol\n" in result.stdout
    assert result.stdout.endswith(f"\nnow: cd {root} && engine test policies --coverage\n")
    assert result.exit_code == 0
    assert call("check", "--deny-warnings", root).exit_code == 0
    assert call("fmt", "--check", root).exit_code == 0
    assert call("test", root, "--coverage", "--fail-under", "100").exit_code == 0


def test_its_settings_are_settings_of_the_daemon(tmp_path: Path) -> None:
    call("new", tmp_path)
    settings = load_settings(tmp_path / "engine.toml", {}, {})
    assert Path(settings.policies) == tmp_path / "policies"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert call("new", tmp_path).exit_code == 0
    assert {one.name for one in tmp_path.iterdir()} == {
        ".gitignore", "README.md", "engine.toml", "policies", "request.json",
    }  # fmt: skip


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    result = call("new", tmp_path)
    assert result.stderr == (
        f"engine: {tmp_path} is not empty; `engine new` fills a new or an empty folder\n"
    )
    assert result.exit_code == 2
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("file", "file is a file; `engine new` makes a folder"),
        ("file/below", "cannot make "),
        ("a\0b", "is no path: embedded null byte"),
        ("x" * 300, "cannot make "),
    ],
)
def test_what_can_be_no_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    result = call("new", name)
    assert told in result.stderr
    assert result.exit_code == 2


@pytest.mark.slow
def test_its_readme_is_true(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    done = 0
    with Newcomer(tmp_path / "home") as newcomer:
        newcomer.run("engine new mine; cd mine")
        for block in read_blocks(tmp_path / "home/mine/README.md"):
            assert block.kind == "console"
            for command in commands(block.text):
                printed = newcomer.run(command.text)
                assert fits(command.output, printed), printed
                done += 1
    assert done == 6
