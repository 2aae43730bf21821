"""One meaning, two ways to run: from sources, and compiled where there is a C compiler."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from engine import sources

ROOT = Path(__file__).parent.parent
HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["hooks"]
MODULES: list[str] = HOOK["custom"]["modules"]
WHERE = (
    "import importlib, json, sys; "
    "print(json.dumps([importlib.import_module(one).__file__ for one in json.loads(sys.argv[1])]))"
)

TAKE_ALL = {
    "all",
    "any",
    "bytes",
    "dict",
    "extend",
    "frozenset",
    "join",
    "list",
    "max",
    "min",
    "set",
}
TAKE_ALL |= {"sorted", "sum", "tuple", "update"}
"""Functions to which a generator is as good as a list of all that it gives."""


def build() -> Any:
    """Return what builds the package: hatchling loads it from its file, as here."""
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def files(**environment: str) -> list[str]:
    """Return where a new process finds the modules that are compiled."""
    others = {name: value for name, value in os.environ.items() if name != sources.PURE}
    names = [one.removesuffix(".py").replace("/", ".") for one in MODULES]
    done = subprocess.run(  # noqa: S603
        (sys.executable, "-c", WHERE, json.dumps(names)),
        cwd=ROOT,
        env=others | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_what_is_compiled_has_a_source_and_is_listed_once() -> None:
    assert [one for one in MODULES if not (ROOT / one).is_file()] == []
    assert len({*MODULES}) == len(MODULES)


def traps(tree: ast.Module) -> Iterator[str]:
    """Yield what means something else, or nothing, where mypyc compiles *tree*."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name, keywords=[_, *_]):
                yield f"{node.lineno}: keywords of class {name} are dropped"
            case ast.Try(handlers=handlers, finalbody=last):
                # The thread's state of exceptions is another's when such a coroutine goes on.
                waits = [one for part in (*handlers, *last) for one in ast.walk(part)]
                if any(isinstance(one, ast.Await | ast.AsyncFor | ast.AsyncWith) for one in waits):
                    yield f"{node.lineno}: an await in an except or a finally"
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given) if (
                name not in TAKE_ALL and any(isinstance(one, ast.GeneratorExp) for one in given)
            ):
                yield f"{node.lineno}: a generator that {name} is given becomes a list before"
            case ast.AsyncFunctionDef(name=name) if any(
                isinstance(one, ast.Yield) for one in ast.walk(node)
            ):
                yield f"{node.lineno}: {name} is an asynchronous generator"
            case _:
                pass


@pytest.mark.parametrize("module", MODULES)
def test_what_is_compiled_has_nothing_that_then_means_something_else(module: str) -> None:
    assert [*traps(ast.parse((ROOT / module).read_text(encoding="utf-8")))] == []


def test_traps_of_compiling_are_seen() -> None:
    text = """
class Named(Struct, frozen=True): ...
async def one():
    try: ...
    except OSError: await two()
async def three(): yield 1
next(one for one in many)
any(one for one in many)
"""
    assert sorted(one.split(":")[0] for one in traps(ast.parse(text))) == ["2", "4", "6", "7"]


@pytest.mark.slow
def test_sources_run_where_that_is_asked() -> None:
    assert files(ENGINE_PURE="1") == [str(ROOT / one) for one in MODULES]


@pytest.mark.slow
def test_what_is_compiled_runs_where_it_was_built() -> None:
    if not [*ROOT.glob(f"{sources.GROUP}.*.so")]:
        pytest.skip("built without compiled modules: no C compiler, or ENGINE_PURE was set")
    found = files()
    assert [one for one in found if not one.endswith(".so")] == []
    assert [one.split(".")[0] + ".py" for one in found] == [str(ROOT / one) for one in MODULES]


def test_sources_are_told_from_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(sources.PURE, raising=False)
    assert sources.is_compiled() == bool([*ROOT.glob(f"{sources.GROUP}.*.so")])
    monkeypatch.setenv(sources.PURE, "1")
    assert not sources.is_compiled()


def test_only_the_folder_that_is_named_is_read_from_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, beside = tmp_path / "inside", tmp_path / "inside_too"
    for folder in (inside, beside):
        folder.mkdir()
        (folder / f"{folder.name}_one.py").write_text("found = 'the source'")
        (folder / f"{folder.name}_one.abi3.so").write_bytes(b"this is no library")
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks])
    assert sys.path_importer_cache.pop(str(inside), None) is None
    sources.import_sources(inside)
    assert __import__("inside_one").found == "the source"
    with pytest.raises(ImportError):
        __import__("inside_too_one")


def test_without_a_compiler_nothing_is_compiled_and_it_is_said_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = build()
    monkeypatch.setenv(sources.PURE, "1")
    assert made.why_not() == "ENGINE_PURE is set"
    monkeypatch.delenv(sources.PURE)
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    assert made.why_not() == f"there is no C compiler ({tmp_path / 'cc'})"
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    assert made.why_not() == "the headers of Python are not installed"
    (tmp_path / "Python.h").touch()
    assert made.why_not() is None


COMPILE = """
import json, os, sys
from hashlib import sha256
from pathlib import Path
import hatch_build
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[3])])
root, work = Path(sys.argv[1]), Path(sys.argv[2])
made = hatch_build.compile_modules(root, ["small/one.py", "small/two.py"], "small", work)
print(json.dumps({name: sha256(file.read_bytes()).hexdigest() for name, file in made.items()}))
"""


@pytest.mark.slow
def test_one_core_and_several_compile_the_same(tmp_path: Path) -> None:
    why = build().why_not()
    if why is not None:
        pytest.skip(why)
    package = tmp_path / "small"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("def double(one: int) -> int:\n    return 2 * one\n")
    (package / "two.py").write_text("from small.one import double\n\nFOUR = double(2)\n")
    found = []
    for cores in ("1", "64"):
        command = (sys.executable, "-c", COMPILE, str(tmp_path), str(tmp_path / cores), cores)
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_parts_hold_all_sources_once_and_do_not_depend_on_their_order(tmp_path: Path) -> None:
    made = build()
    sources = []
    for number in range(3 * made.PARTS):
        source = tmp_path / "in" / f"{number}.c"
        source.parent.mkdir(exist_ok=True)
        source.write_text("x" * (1 + number * number))
        sources.append(str(source))
    texts = []
    for name, given in (("a", sources), ("b", sources[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        parts = [Path(part) for part in made.in_parts(given, folder)]
        texts.append([part.read_text() for part in parts])
        assert len(parts) == made.PARTS
    lines = [line for text in texts[0] for line in text.splitlines()]
    assert sorted(lines) == sorted(f'#include "../in/{Path(one).name}"' for one in sources)
    assert texts[0] == texts[1]
    assert made.in_parts(sources[:1], tmp_path) == [str(tmp_path / "part0.c")]


def test_sources_are_compiled_beside_one_another_and_linked_in_their_order() -> None:
    both = Barrier(2)

    def compile_all(sources: list[str], *, debug: bool) -> list[str]:
        both.wait(timeout=60)
        return [f"{source}.o" for source in sources if debug]

    with ThreadPoolExecutor(2) as pool:
        assert build().beside(compile_all, pool)(["one", "two"], debug=True) == ["one.o", "two.o"]


def test_as_many_compilers_run_as_there_are_cores_and_memory_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = build()
    cores = len(os.sched_getaffinity(0))
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1 << 40}
    monkeypatch.setattr("os.sysconf", sizes.__getitem__)
    assert made.compilers() == min(cores, made.PARTS)
    sizes["SC_PHYS_PAGES"] = made.ROOM // 4096 - 1
    assert made.compilers() == 1
