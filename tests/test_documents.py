"""Every example in the documentation is executed and does what the text around it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.bundle import SECRET
from engine.language import render
from engine.service.bundles import Recipe, link_bundle
from engine.service.compiled import PolicyError, compile_folder
from engine.verify.properties import run_properties
from engine.verify.report import describe
from engine.verify.run import run_tests
from tests.documents import Block, commands, fits, read_blocks
from tests.newcomer import ROOT, Newcomer

DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "grammar").glob("*.md")),
    *sorted((ROOT / "engine").rglob("*.md")),
    *sorted((ROOT / "policies").rglob("*.md")),
    *sorted((ROOT / "clients").glob("*.md")),
    *sorted((ROOT / "clients/python").glob("*.md")),
]


def run_console(text: str, newcomer: Newcomer) -> None:
    """Type the block's commands and compare what they print."""
    for command in commands(text):
        printed = newcomer.run(command.text)
        assert fits(newcomer.here(command.output), printed), f"$ {command.text}\n{printed}"


def run_policy(block: Block, bundle_folder: Path) -> None:
    """Check the block as a bundle beside the files written before it; run its tests."""
    target = bundle_folder / "example.pol"
    target.write_text(block.text, encoding="utf-8")
    try:
        bundle = compile_folder(bundle_folder)
    except PolicyError as problem:
        found, texts = problem.diagnostics, problem.texts
    else:
        found, texts = bundle.warnings, {"example.pol": block.text}
        policies = link_bundle(bundle, Recipe(SECRET))
        for result in (*run_tests(policies), *run_properties(policies)):
            assert result.passed, f"line {block.line}: {describe(result)}"
    finally:
        for file in bundle_folder.rglob("*.pol"):
            file.unlink()
    codes = sorted(one.code for one in found)
    shown = f"line {block.line}: {codes}\n{render.render(found, texts, color=False)}"
    assert codes == sorted(block.words[1:]), shown


def write_file(block: Block, work: Path, bundle: Path) -> None:
    """Write the block under its name where commands run, and beside the ``pol`` blocks."""
    name = block.words[1]
    for folder in (work,) if "/" in name else (work, bundle):
        written = folder / name
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(block.text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_do_what_they_show(path: Path, tmp_path: Path) -> None:
    work, bundle = tmp_path / "work", tmp_path / "bundle"
    work.mkdir()
    bundle.mkdir()
    with Newcomer(work) as newcomer:
        for block in read_blocks(path):
            match block.kind:
                case "file":
                    write_file(block, work, bundle)
                case "console":
                    run_console(block.text, newcomer)
                case "python":
                    newcomer.python(block.text)
                case "pol":
                    run_policy(block, bundle)
                case _:
                    pass


@pytest.mark.parametrize(
    ("shown", "printed", "fit"),
    [
        ("allow …\nfine\n", "allow 12 us\nfine", True),
        ("allow\n", "deny\n", False),
        ("one", "one\ntwo", False),
        ("one\n…", "one\ntwo\nthree\n", True),
        ("a.c", "abc", False),
    ],
)
def test_an_ellipsis_stands_for_anything_and_nothing_else_does(
    shown: str, printed: str, *, fit: bool
) -> None:
    assert fits(shown, printed) is fit


def test_a_console_block_is_commands_and_what_they_print() -> None:
    made = commands("$ one \\\n    two\nprinted\n$ cat <<EOF\n> a\n> EOF\na\n$ quiet\n")
    assert [(one.text, one.output) for one in made] == [
        ("one \\\n    two", "printed"),
        ("cat <<EOF\na\nEOF", "a"),
        ("quiet", ""),
    ]
