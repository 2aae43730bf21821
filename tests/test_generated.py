"""Generated files are committed, and are what their sources give."""

from __future__ import annotations

from pathlib import Path

import pytest

from grammar import generate

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_generated_files_are_what_their_sources_give(tmp_path: Path) -> None:
    assert [*generate.stale(ROOT)] == []
    assert [*generate.stale(tmp_path)] == [*generate.outputs()]


def test_the_script_refuses_what_it_does_not_know() -> None:
    assert generate.main(["--chekc"]) == 2


@pytest.mark.parametrize("folder", ["engine/wire", "clients/python/pol_client/_wire"])
def test_the_messages_are_not_tied_to_a_release_of_protobuf(folder: str) -> None:
    text = (ROOT / folder / "engine_pb2.py").read_text(encoding="utf-8")
    assert "runtime_version" not in text
    assert not (ROOT / folder / "engine_pb2_grpc.py").exists()
