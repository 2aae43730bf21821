"""What each of the daemon's processes loads, and what it must do without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.service.cache import open_cache
from engine.service.compiled import compile_folder
from tests.daemon.running import ROOT

pytestmark = pytest.mark.slow

COMPILER = {
    "engine.language.check",
    "engine.language.codegen",
    "engine.language.compile",
    "engine.language.items",
    "engine.language.parse",
}
DETECTORS = {"engine.content.entities", "engine.content.scan", "hyperscan", "re2"}


def loaded(program: str) -> set[str]:
    """Return what is loaded once *program* has run in a process of its own."""
    told = f"{program}\nimport json, sys\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", told], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_supervisor_loads_neither_what_decides_nor_what_compiles() -> None:
    found = loaded("import engine.cli.serve\nimport engine.daemon.supervisor")
    assert "engine.service.reload" in found
    deciding = {"engine.runtime.decide", "engine.service.gate", "engine.language.typed", "grpc"}
    assert not found & (
        COMPILER | DETECTORS | deciding | {"cryptography.x509", "engine.daemon.sinks"}
    )


def test_a_worker_loads_no_compiler() -> None:
    found = loaded("import engine.daemon.desk")
    assert "engine.service.gate" in found
    assert not found & (COMPILER | {"cryptography.x509"})


def test_what_reads_certificates_is_loaded_before_one_is_shown() -> None:
    found = loaded("from engine.doors.grpc.client_certificates import load_reader\nload_reader()")
    assert "cryptography.x509" in found


def test_a_worker_reads_every_policy_without_the_compiler(tmp_path: Path) -> None:
    root = ROOT / "policies/starter"
    bundle = compile_folder(root, open_cache(tmp_path))
    assert bundle.program.tests
    found = loaded(
        f"""
from pathlib import Path
from engine.service.cache import open_cache
from engine.service.shelf import FolderShelf
from engine.service.stored import fetch_bundle
shelf = FolderShelf(open_cache(Path({str(tmp_path)!r})), Path({str(root)!r}))
bundle = fetch_bundle({bundle.revision!r}, shelf)
program = bundle.program
assert [*program.policies, *program.tests, *program.properties]
"""
    )
    assert not found & COMPILER
