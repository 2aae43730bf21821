"""``make demo`` tells its whole story: every stage and every action, from a daemon of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.demo import COLOURS, STORY

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_demo_gets_an_answer_to_everything_it_asks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for title, _ in STORY:
        assert title in done.stdout
    actions = re.findall(r"^  (\w+) +decided in", done.stdout, re.MULTILINE)
    assert len(actions) == len(STORY) + 1
    assert set(actions) == set(COLOURS)


def test_the_demo_asks_at_every_stage() -> None:
    assert {request["stage"] for _, request in STORY} == {
        "request", "response", "tool_call", "tool_result", "tool_description", "document",
    }  # fmt: skip
