from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.calling import BROKEN, DOOR, DOOR_TEST, NEVER, WHO, call, folder

FUZZ = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(max_examples=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
BYTES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(st.integers(0, len(DOOR)), st.integers(0, 40), st.binary(max_size=5)).map(
        lambda cut: DOOR.encode()[: cut[0]] + cut[2] + DOOR.encode()[cut[0] + cut[1] :]
    ),
)
"""Anything at all, any text, and a policy with a piece replaced."""


def test_policies_that_check_are_counted(tmp_path: Path) -> None:
    result = call("check", folder(tmp_path))
    assert result.stdout == "1 policy, 3 rules, 4 tests: no problems\n"
    assert result.exit_code == 0


def test_nobody_waits_for_a_pipe_in_the_place_of_a_policy(tmp_path: Path) -> None:
    root = folder(tmp_path)
    os.mkfifo(root / "pipe.pol")
    result = call("check", root)
    assert "pipe.pol:1:1: error[E803]: cannot be read: no regular file" in result.stdout


def test_every_problem_is_shown_with_its_place_as_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "policies", {"a.pol": BROKEN, "deep/b.pol": "policy { default allow }\n"})
    monkeypatch.chdir(tmp_path)
    result = call("check", "policies")
    assert "policies/a.pol:1:45: error[E201]: unknown attribute `tenant.plann`" in result.stdout
    assert "policies/deep/b.pol:1:8: error[E" in result.stdout
    assert "^^^^^^^^^^^^" in result.stdout
    assert result.stdout.endswith("\n2 errors\n")
    assert result.exit_code == 1


def test_warnings_pass_unless_they_are_denied(tmp_path: Path) -> None:
    root = folder(tmp_path, {"never.pol": NEVER})
    result = call("check", root)
    assert "never.pol:3:" in result.stdout
    assert 'rule r { when user.id == "a"' in result.stdout
    assert result.stdout.endswith("1 policy, 1 rule, 0 tests: 1 warning\n")
    assert result.exit_code == 0
    assert call("check", "--deny-warnings", root).exit_code == 1


def test_machines_get_a_list(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.pol": BROKEN})
    result = call("check", root, "--json")
    (problem,) = json.loads(result.stdout)
    assert (problem["file"], problem["line"], problem["code"]) == (f"{root}/a.pol", 1, "E201")
    assert result.exit_code == 1
    assert (
        json.loads(call("check", folder(tmp_path / "fine", {"d.pol": DOOR}), "--json").stdout) == []
    )


def test_a_file_stands_for_its_own_problems_in_its_folder(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.pol": BROKEN, "b.pol": "policy b { default perhaps }\n"})
    result = call("check", root / "a.pol")
    assert "a.pol:1:" in result.stdout
    assert "b.pol:1:" not in result.stdout
    assert result.stdout.endswith("1 error, 1 error in other files\n")
    assert result.exit_code == 1
    both = call("check", root / "a.pol", root / "b.pol").stdout
    assert both.endswith("\n2 errors\n")
    assert call("check", root / "a.pol", root).stdout.endswith("\n2 errors\n")


def test_a_sound_file_beside_a_broken_one_fails_but_is_not_blamed(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.pol": BROKEN, "door.pol": DOOR})
    result = call("check", root / "door.pol")
    assert result.stdout == "1 error in other files\n"
    assert result.exit_code == 1


def test_several_folders_are_bundles_of_their_own(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", {"d.pol": DOOR})
    two = folder(tmp_path / "two", {"d.pol": DOOR})
    assert call("check", one, two).stdout == "2 policies, 6 rules, 0 tests: no problems\n"


def test_bad_facts_and_lists_are_problems_in_their_files(tmp_path: Path) -> None:
    text = 'list gone from "gone.txt"\npolicy p { default allow }\n'
    result = call("check", folder(tmp_path, {"p.pol": text}))
    assert "E807" in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda root: root / "gone", "there is no file or folder"),
        (lambda root: folder(root, {"readme.txt": "x"}), "E802"),
        (lambda root: (folder(root, {"x.pol": ""}) / "x.pol") / "y", "cannot read"),
    ],
)
def test_input_that_cannot_be_read_is_told_and_exits_with_two(
    tmp_path: Path, make: object, told: str
) -> None:
    assert callable(make)
    result = call("check", make(tmp_path))
    assert told in result.output
    assert result.exit_code == 2


def test_a_file_of_another_kind_is_no_policy(tmp_path: Path) -> None:
    root = folder(tmp_path, {"README.md": "x", "door.pol": DOOR})
    result = call("check", root / "README.md")
    assert result.stderr == f"engine: {root}/README.md is no .pol file\n"
    assert result.exit_code == 2


def test_of_very_many_problems_people_see_the_first(tmp_path: Path) -> None:
    rules = " ".join(f"rule r{one} {{ when no.such{one} then deny }}" for one in range(150))
    root = folder(tmp_path, {"p.pol": f"policy p {{ default allow {rules} }}\n"})
    shown = call("check", root).stdout
    assert shown.count("error[E") == 100
    assert shown.endswith("\nand 50 more; `engine check --json` lists all\n\n150 errors\n")
    assert len(json.loads(call("check", root, "--json").stdout)) == 150


def test_a_path_that_is_none_is_told() -> None:
    result = call("check", "a\0b")
    assert result.exit_code == 2
    assert "no path" in result.output


def test_a_file_with_broken_bytes_points_at_the_byte(tmp_path: Path) -> None:
    (tmp_path / "x.pol").write_bytes(b"policy p {\n  \xff }")
    result = call("check", tmp_path)
    assert "x.pol:2:3: error[E100]" in result.stdout
    assert result.exit_code == 1


def test_what_a_policy_says_cannot_drive_the_terminal(tmp_path: Path) -> None:
    folder(tmp_path, {"x.pol": "policy \x1b[31m { default allow }\n"})
    assert "\x1b" not in call("check", tmp_path).stdout


def test_names_that_are_no_text_are_shown_all_the_same(tmp_path: Path) -> None:
    root = folder(tmp_path / os.fsdecode(b"\xff"), {"a.pol": BROKEN})
    result = call("check", root)
    assert "\ufffd/a.pol:1:45: error[E201]" in result.stdout
    (problem,) = json.loads(call("check", root, "--json").stdout)
    assert problem["file"].endswith("/\ufffd/a.pol")
    assert "formatted" in call("fmt", root).stdout
    (root / "a.pol").write_text(DOOR + DOOR_TEST[14:])
    assert call("check", root).exit_code == 0
    assert call("test", root, "--json", "--junit", tmp_path / "x.xml").exit_code == 0
    assert call("docs", root).stdout.startswith("# \ufffd\n")
    assert call("eval", root, *WHO).exit_code == 0
    assert call("new", root / os.fsdecode(b"\xfe")).exit_code == 0
    (root / os.fsdecode(b"\xff.pol")).write_text(DOOR)
    refused = call("check", root)
    assert "\ufffd/\ufffd.pol:1:1: error[E803]: cannot be read: its name is not UTF-8" in (
        refused.stdout
    )
    assert refused.exit_code == 2


def check_bytes(folder: Path, data: bytes) -> None:
    (folder / "x.pol").write_bytes(data)
    result = call("check", folder)
    assert result.exit_code in {0, 1}, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout.strip()


@pytest.mark.slow
@example(b"\xef\xbb\xbf")
@example(b"\0")
@given(BYTES)
@FUZZ
def test_any_bytes_get_an_answer(tmp_path: Path, data: bytes) -> None:
    check_bytes(tmp_path, data)


@pytest.mark.nightly
@given(BYTES)
@LONG
def test_very_many_bytes_get_an_answer(tmp_path: Path, data: bytes) -> None:
    check_bytes(tmp_path, data)
