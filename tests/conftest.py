"""For all tests: Hypothesis without deadlines; timings are measured in bench, never asserted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

settings.register_profile("house", deadline=None)
settings.load_profile("house")

# As the command line does: gRPC reads it when it is imported, and a test forks.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def pytest_sessionstart() -> None:
    """Refuse to test what was compiled before its source was changed."""
    if os.environ.get("ENGINE_PURE"):
        return
    for folder in (ROOT / "engine", ROOT / "clients/python/pol_client"):
        for made in folder.rglob("*.so"):
            source = made.with_name(made.name.split(".")[0] + ".py")
            if not source.exists() or source.stat().st_mtime > made.stat().st_mtime:
                why = f"{made.relative_to(ROOT)} is older than its source"
                pytest.exit(f"{why}: `make install`, or set ENGINE_PURE=1", returncode=2)
