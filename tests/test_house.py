"""The house is clean: small files and functions, plain names, nothing hidden or undocumented."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from engine.cli.main import VERBS
from engine.content.entities import ENTITIES
from engine.content.validate import VALIDATORS
from engine.daemon.config import OPTIONS
from engine.language._grammar import KEYWORDS
from engine.language.functions import TABLE
from engine.language.schema import STANDARD

ROOT = Path(__file__).parent.parent
GENERATED = re.compile(r"_pb2\.pyi?$|(^|/)_grammar\.py$")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
FILE_LIMIT = 450
FUNCTION_LIMIT = 50


def tracked() -> list[Path]:
    """Return the project's Python files, generated ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return [ROOT / name for name in listed if name and not GENERATED.search(name)]


FILES = [path for path in tracked() if path.exists()]
ENGINE = [path for path in FILES if path.is_relative_to(ROOT / "engine")]


def name(path: Path) -> str:
    """Return *path* as shown in a test's name."""
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LIMIT
    for function in functions(path):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        assert length <= FUNCTION_LIMIT, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_names_say_what_is_inside(path: Path) -> None:
    assert path.stem not in VAGUE


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_imports_stand_at_the_top(path: Path) -> None:
    if path == ROOT / "engine/cli/main.py":
        return
    for function in functions(path):
        for node in ast.walk(function):
            assert not isinstance(node, ast.Import | ast.ImportFrom), f"import in {function.name}"
    assert "TYPE_CHECKING" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_only_the_gate_and_the_doors_catch_everything(path: Path) -> None:
    # The gate has given what it does after a decision to `keeping`.
    gate = {ROOT / "engine/service/gate.py", ROOT / "engine/service/keeping.py"}
    if path.is_relative_to(ROOT / "engine/doors") or path in gate:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
            caught = {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)}
            assert not caught & {"Exception", "BaseException"}, f"line {node.lineno}"


def codes() -> dict[str, str]:
    """Return every diagnostic code and the file whose catalog defines it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "engine/language").glob("catalog*.py")):
        for function in functions(path):
            opening = re.match(r"([EW]\d{3}):", ast.get_docstring(function) or "")
            if opening:
                # Two functions may word one code, in one file.
                home = found.setdefault(opening[1], path.name)
                assert home == path.name, f"{opening[1]} is defined in {home} and {path.name}"
    return found


def test_every_diagnostic_has_a_case() -> None:
    texts = "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in (ROOT / "tests").rglob("*")
        if path.suffix in {".pol", ".py"} and path.is_file()
    )
    assert [code for code in codes() if not re.search(rf"\b{code}\b", texts)] == []


def test_every_diagnostic_has_its_paragraph() -> None:
    text = (ROOT / "grammar/diagnostics.md").read_text(encoding="utf-8")
    assert [code for code in codes() if code not in text] == []


def mentions(text: str, names: Iterable[str]) -> list[str]:
    """Return those of *names* that *text* nowhere has in backticks, alone or with what follows."""
    return [one for one in names if not re.search(rf"`{re.escape(one)}(?![\w.])", text)]


def test_every_word_of_the_language_has_its_place_in_the_reference() -> None:
    text = (ROOT / "grammar/language.md").read_text(encoding="utf-8")
    assert mentions(text, TABLE) == []
    assert mentions(text, STANDARD) == []
    assert mentions(text, VALIDATORS) == []
    words = [one for one in KEYWORDS if not re.search(rf"\b{one}\b", text)]
    assert words == []


def test_every_entity_has_its_place_on_the_page_of_detectors() -> None:
    text = (ROOT / "grammar/detectors.md").read_text(encoding="utf-8")
    assert mentions(text, ENTITIES) == []


def test_every_verb_has_its_place_in_the_readme() -> None:
    text = (ROOT / "engine/cli/README.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if f"engine {verb}" not in text] == []


def test_every_setting_and_metric_has_its_place_in_the_readme() -> None:
    text = (ROOT / "engine/daemon/README.md").read_text(encoding="utf-8")
    assert mentions(text, OPTIONS) == []
    code = [path.read_text(encoding="utf-8") for path in (ROOT / "engine/daemon").glob("*.py")]
    names = [one for each in code for one in re.findall(r'"(engine_\w+)"', each)]
    assert [one for one in names if one not in text] == []


@pytest.mark.parametrize(
    "folder",
    [path for path in sorted((ROOT / "policies/starter").iterdir()) if path.is_dir()],
    ids=lambda path: path.name,
)
def test_every_rule_of_a_pack_has_its_row(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    policies = (folder / f"{folder.name}.pol").read_text(encoding="utf-8")
    assert mentions(text, re.findall(r"^  rule (\w+)", policies, re.MULTILINE)) == []


def test_every_example_is_listed() -> None:
    text = (ROOT / "policies/examples/README.md").read_text(encoding="utf-8")
    folders = [path for path in (ROOT / "policies/examples").iterdir() if path.is_dir()]
    assert [path.name for path in folders if f"({path.name}/" not in text] == []


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = [re.split(r"[\[<>=~! ]", one)[0] for one in project["dependencies"]]
    assert [one for one in names if one not in text] == []
