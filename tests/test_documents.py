"""Every example in the documentation is executed and does what the text around it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.language import render
from engine.service import bundles
from engine.verify import run
from tests.documents import Block, commands, fits, read_blocks

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "grammar").glob("*.md")),
    *sorted((ROOT / "engine").rglob("*.md")),
    *sorted((ROOT / "policies").rglob("*.md")),
    *sorted((ROOT / "clients").glob("*.md")),
    *sorted((ROOT / "clients/python").glob("*.md")),
]
RUNNABLE = {"console", "python", "pol", "file"}


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a newcomer who has activated ``.venv``."""
    beside = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ENGINE_")},
        "PATH": f"{beside}:{os.environ['PATH']}",
        "HOME": str(home),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }


def run_console(block: Block, folder: Path) -> None:
    """Run the block's commands in one shell session each, in *folder*, and compare the output."""
    for command in commands(block):
        done = subprocess.run(
            ["bash", "-c", command.line],  # noqa: S607
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert fits(command.output, done.stdout), f"$ {command.line}\n{done.stdout}"


def run_python(block: Block, folder: Path) -> None:
    """Run the block as a script in *folder*."""
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=folder,
        env={**environment(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def run_policy(block: Block, folder: Path) -> None:
    """Check the block as a bundle of its own beside the files written before it; run its tests."""
    target = folder / "example.pol"
    target.write_text(block.text, encoding="utf-8")
    expected = sorted(block.words[1:])
    try:
        bundle = bundles.load_bundle(folder)
    except bundles.PolicyError as problem:
        found = sorted(one.code for one in problem.diagnostics)
        assert found == expected, render.render(problem.diagnostics, problem.texts, color=False)
        return
    finally:
        target.unlink()
    assert expected == [] or all(word.startswith("W") for word in expected)
    results = run.run_tests(bundle.policies)
    assert [one.name for one in results if not one.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_do_what_they_show(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    for block in read_blocks(path):
        match block.kind:
            case "file":
                written = folder / block.words[1]
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_text(block.text, encoding="utf-8")
            case "console":
                run_console(block, folder)
            case "python":
                run_python(block, folder)
            case "pol":
                run_policy(block, folder)
