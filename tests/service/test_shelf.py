"""What was compiled is found again by an engine that would make the same of it, by no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.service.shelf import MAKERS

ENGINE = Path(engine.__file__).parent
PRINT = """
from pathlib import Path
from engine.service.cache import NO_CACHE
from engine.service.shelf import BUNDLE, FolderShelf
print(FolderShelf(NO_CACHE, Path("/policies")).key(BUNDLE))
"""
PACKAGES = """
import sys
import engine.service.compiled
print(*{name.split(".")[1] for name in sys.modules if name.startswith("engine.")})
"""
NO_PART = {"remedies", "sources", "storage"}
"""What is said of files that cannot be opened, what finds modules, and what opens files."""


def run(code: str, root: Path) -> str:
    """Return what *code* prints with the engine below *root*."""
    command = [sys.executable, "-B", "-c", code]
    environment = {**os.environ, "ENGINE_PURE": "1", "PYTHONPATH": str(root)}
    made = subprocess.run(  # noqa: S603 - this Python
        command, cwd=root, env=environment, check=True, capture_output=True, text=True
    )
    return made.stdout.strip()


def other(root: Path, changed: str) -> Path:
    """Return where there is an engine of which only the file *changed* is another."""
    package, name = changed.split("/")
    (root / "engine" / package).mkdir(parents=True)
    for one in ENGINE.iterdir():
        if one.name != package:
            (root / "engine" / one.name).symlink_to(one)
    for one in (ENGINE / package).iterdir():
        if one.name != name:
            (root / "engine" / package / one.name).symlink_to(one)
    text = (ENGINE / changed).read_text()
    (root / "engine" / changed).write_text(f"{text}# A mend.\n")
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed", ["content/entities.py", "language/lower.py", "runtime/facts.py", "service/stored.py"]
)
def test_an_engine_that_was_mended_finds_nothing_of_the_one_before(
    tmp_path: Path, changed: str
) -> None:
    assert run(PRINT, other(tmp_path, changed)) != run(PRINT, ENGINE.parent)


@pytest.mark.slow
def test_an_engine_finds_what_it_has_made(tmp_path: Path) -> None:
    (tmp_path / "engine").symlink_to(ENGINE)
    assert run(PRINT, tmp_path) == run(PRINT, ENGINE.parent)


@pytest.mark.slow
def test_all_that_makes_a_bundle_has_a_part_in_where_it_is_kept() -> None:
    assert set(run(PACKAGES, ENGINE.parent).split()) - NO_PART == set(MAKERS)
