"""What is shipped: the wheels hold the packages and nothing else, and work far from this tree."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = (sys.executable, "-m")
DECIDE = "import engine; print(engine.load({folder!r}).decide({request}).to_dict()['action'])"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the engine's wheel and the client's, once for all processes that test."""
    several = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if several else base) / "wheels"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for project in (ROOT, ROOT / "clients/python"):
            built = folder / f"{project.name}.built"
            if not built.exists():
                run(*PYTHON, "build", "--wheel", "--no-isolation", "--outdir", folder, project)
                built.touch()
    (engine,) = folder.glob("pol_engine-*.whl")
    (client,) = folder.glob("pol_engine_client-*.whl")
    return engine, client


def run(*words: str | Path, cwd: Path = ROOT) -> str:
    """Run *words*; return what was printed, or fail with all of it."""
    done = subprocess.run(  # noqa: S603
        [str(word) for word in words],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_a_wheel_holds_its_package_and_nothing_else(wheels: tuple[Path, Path]) -> None:
    for wheel, package in zip(wheels, ("engine", "pol_client"), strict=True):
        tops = {name.split("/")[0] for name in names(wheel)}
        tops -= {top for top in tops if top.startswith(f"{package}__mypyc.")}
        assert tops == {package, next(top for top in tops if top.endswith(".dist-info"))}


def test_a_wheel_that_is_compiled_says_for_what(wheels: tuple[Path, Path]) -> None:
    compiled = any(name.endswith(".so") for name in names(wheels[0]))
    assert compiled != wheels[0].name.endswith("-py3-none-any.whl")
    assert compiled != bool(os.environ.get("ENGINE_PURE"))


def test_every_tracked_file_of_the_packages_is_shipped(wheels: tuple[Path, Path]) -> None:
    for wheel, folder in zip(wheels, ("engine", "clients/python/pol_client"), strict=True):
        tracked = run("git", "ls-files", "--", folder).split()
        assert tracked
        shipped = {name.removeprefix("clients/python/") for name in tracked}
        assert shipped - set(names(wheel)) == set()


def test_licence_types_and_the_starting_folder_are_shipped(wheels: tuple[Path, Path]) -> None:
    engine, client = map(names, wheels)
    for shipped, package in ((engine, "engine"), (client, "pol_client")):
        assert f"{package}/py.typed" in shipped
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in shipped)
    assert "engine/__init__.pyi" in engine
    assert [name for name in engine if name.startswith("engine/cli/starter/")]


def test_the_wheels_work_in_another_place(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    run(*PYTHON, "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(*PYTHON, "pip", "--quiet", "--python", python, "install", *wheels)
    place = tmp_path / "elsewhere"
    place.mkdir()
    engine = tmp_path / "venv/bin/engine"

    where = run(python, "-c", "import engine, pol_client; print(engine.__file__)", cwd=place)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    assert run(engine, "--version", cwd=place).split()[-1] == "0.1.0"
    run(engine, "new", "mine", cwd=place)
    run(engine, "test", "mine", "--coverage", "--fail-under", "100", cwd=place)
    run(engine, "test", ROOT / "policies/starter", cwd=place)
    request = json.loads((place / "mine/request.json").read_text(encoding="utf-8"))
    program = DECIDE.format(folder=str(place / "mine/policies"), request=request)
    assert run(python, "-c", program, cwd=place).strip() == "redact"
