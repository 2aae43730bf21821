"""Processes that share a bucket in a server: together they are granted the limit, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.state import valkey_child
from tests.state.servers import Server

ROOT = Path(__file__).parents[2]


def start(server: Server, *, leased: bool) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, valkey_child.__file__, server.url, "200", str(int(leased))],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )


def read(process: subprocess.Popen[bytes]) -> int:
    written, _ = process.communicate(timeout=120)
    return len(written)


@pytest.mark.slow
def test_two_processes_are_granted_exactly_the_bucket(server: Server) -> None:
    taking = [start(server, leased=False) for _ in range(2)]
    assert sum(map(read, taking)) == valkey_child.BUCKET


@pytest.mark.slow
def test_with_leases_they_are_never_granted_more(server: Server) -> None:
    taking = [start(server, leased=True) for _ in range(2)]
    granted = sum(map(read, taking))
    # What a process gives back at its end, the other may have been refused before.
    assert valkey_child.BUCKET * 0.9 < granted <= valkey_child.BUCKET


@pytest.mark.slow
def test_a_killed_process_takes_nothing_along_but_its_lease(server: Server) -> None:
    victim, other = start(server, leased=True), start(server, leased=True)
    assert victim.stdout is not None
    written = len(victim.stdout.read(300))
    victim.kill()
    written += read(victim)
    granted = written + read(other)
    assert valkey_child.BUCKET * 0.9 < granted <= valkey_child.BUCKET
