"""The README's examples run as they stand, in order, against a daemon with its policy."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.service.approvals import Approvals
from engine.service.bundles import Recipe, load_folder
from engine.service.presenting import Terms
from tests.documents import read_blocks
from tests.doors.grpc.reviewing import reviews_in
from tests.doors.grpc.serving import SECRET, loop, run, serve

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
ADDRESS = "127.0.0.1:50051"


@pytest.mark.slow
def test_the_examples_do_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = read_blocks(README)
    (policy,) = (block.text for block in blocks if block.kind == "pol")
    (tmp_path / "desk.pol").write_text(policy)
    monkeypatch.setattr(asyncio, "run", run)  # one event loop a process: the tests' own
    names: dict[str, Any] = {}
    reviews = reviews_in(tmp_path, terms=Terms(approvals=Approvals(SECRET)))
    with serve(reviews=reviews) as daemon:
        loaded = load_folder(tmp_path, Recipe(SECRET))
        loop().call_soon_threadsafe(daemon.gate.swap, loaded)
        for block in blocks:
            if block.kind == "py":
                text = "\n" * (block.line - 1) + block.text.replace(ADDRESS, daemon.address)
                exec(compile(text, str(README), "exec"), names)  # noqa: S102 - our own text
        names["client"].close()
        names["secure"].close()
    reviews.close()
