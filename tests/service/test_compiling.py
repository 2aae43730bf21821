from __future__ import annotations

import gc
import os
from pathlib import Path

import msgspec
import pytest

from engine.language.unit import load_unit
from engine.service.cache import open_cache
from engine.service.compiled import compile_folder
from engine.service.compiler import Outcome
from engine.service.compiling import POLITE, compile_into, main, step_back
from engine.service.reload import start_compiler
from engine.service.shelf import FolderShelf
from engine.service.stored import fetch_bundle
from tests.service.bundle import write_folder


def test_what_checks_is_in_the_cache_under_its_revision(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "policies")
    outcome = compile_into(root, tmp_path / "cache")
    assert outcome == Outcome(revision=compile_folder(root).revision)
    shelf = FolderShelf(open_cache(tmp_path / "cache"), root)
    assert fetch_bundle(outcome.revision, shelf) is not None


def test_what_does_not_check_is_told_as_values_and_as_text(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "policies", {"a.pol": "policy a { default perhaps }"})
    outcome = compile_into(root, tmp_path / "cache")
    assert outcome.revision == ""
    assert str(outcome.diagnostics[0].span) == "a.pol:1:20"
    assert "a.pol:1:20" in outcome.text
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome


def test_a_cache_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "policies")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    outcome = compile_into(root, tmp_path / "cache")
    assert [one.code for one in outcome.diagnostics] == ["E808"]
    assert "can be written by others" in outcome.text


def test_the_process_steps_back_and_prints_the_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    steps: list[object] = []
    monkeypatch.setattr(os, "nice", steps.append)
    monkeypatch.setattr(os, "sched_setscheduler", lambda *how: steps.append(how[1]))
    root = write_folder(tmp_path / "policies")
    try:
        main([str(root), str(tmp_path / "cache")])
    finally:
        gc.enable()
    printed = capfdbinary.readouterr().out
    assert msgspec.json.decode(printed, type=Outcome).revision == compile_folder(root).revision
    assert steps == [POLITE, os.SCHED_BATCH]


def test_a_process_that_may_not_choose_how_it_runs_steps_back_as_far_as_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", steps.append)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    step_back()
    assert steps == [POLITE]


@pytest.mark.slow
def test_processes_that_compile_at_once_do_not_spoil_the_cache(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "policies")
    cache = tmp_path / "cache"
    for number in range(2):
        more = "\n".join(f"rule r{one} {{ when user.id == '{one}' then deny }}" for one in range(9))
        text = f"policy more{number} {{ default allow {more} }}".replace("'", '"')
        write_folder(root, {f"more{number}.pol": text})
        running = [start_compiler(root, cache, "auto") for _ in range(3)]
        outcomes = [msgspec.json.decode(one.communicate()[0], type=Outcome) for one in running]
        wanted = compile_folder(root)
        assert {one.revision for one in outcomes} == {wanted.revision}
        found = fetch_bundle(wanted.revision, FolderShelf(open_cache(cache), root))
        assert found is not None
        assert found.program == wanted.program
        assert len([load_unit(one) for one in found.units]) == number + 2
    assert not list(cache.glob("??/*.bin.*"))  # No drafts are left.
