from __future__ import annotations

import gc
import os
from pathlib import Path

import msgspec
import pytest

from engine.service.cache import open_cache
from engine.service.compiled import FolderShelf, compile_folder, fetch_bundle
from engine.service.compiling import POLITE, Outcome, compile_into, main
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
    steps: list[int] = []
    monkeypatch.setattr(os, "nice", steps.append)
    root = write_folder(tmp_path / "policies")
    try:
        main([str(root), str(tmp_path / "cache")])
    finally:
        gc.enable()
    printed = capfdbinary.readouterr().out
    assert msgspec.json.decode(printed, type=Outcome).revision == compile_folder(root).revision
    assert steps == [POLITE]
