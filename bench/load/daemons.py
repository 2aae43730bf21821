"""Policies and settings in, our own daemon out: ``engine serve`` on one core."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.load.machine import SERVER, pinned
from bench.load.requests import DECIDE, Expected
from bench.workloads import Workload, pol_files
from engine.wire import engine_pb2 as wire

ROOT = Path(__file__).parent.parent.parent
TENANTS_A_FILE = 50
PATIENCE = 30.0
AUDITS = {
    "off": ("audit.folder=", "record.file="),
    "written": ("audit.durability=written", "record.file="),
    "synced": ("audit.durability=synced", "record.file="),
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs."""

    process: subprocess.Popen[str]
    address: str
    socket: str = ""
    """Where it serves too, as ``unix:`` and a path."""

    @property
    def pid(self) -> int:
        """Its process; what it has started counts with it."""
        return self.process.pid


def write_policies(folder: Path, workload: Workload, more: str = "") -> Path:
    """Write the workload's policies, and a file with *more*; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pol_files(workload, TENANTS_A_FILE).items():
        Path(folder, path).write_text(text, encoding="utf-8")
    if more:
        Path(folder, "more.pol").write_text(more, encoding="utf-8")
    return folder


@contextmanager
def daemon(
    place: Path, policies: Path, *settings: str, cores: Sequence[str] = ()
) -> Iterator[Running]:
    """Yield the daemon with what it keeps in *place*, ready to decide. Metrics are on.

    *cores* are the words that keep it to other cores than that of servers.
    """
    place.mkdir(parents=True, exist_ok=True)
    socket = place / "s"
    given = [f"grpc.socket={socket}", *settings]
    options = [part for one in given for part in ("--set", one)]
    command = [sys.executable, "-P", "-m", "engine", "serve", str(policies), "--data", str(place)]
    process = subprocess.Popen(
        [*(cores or pinned(SERVER)), *command, *options],
        cwd=ROOT,
        env=environment(ENGINE_LOG_LEVEL="warning"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        words = process.stdout.readline().replace(",", " ").split()
        if "serves" not in words:
            sys.exit("the daemon did not start")
        yield Running(process, words[words.index("serves") + 1], f"unix:{socket}")
    finally:
        process.terminate()
        process.communicate()


def environment(*folders: Path, **more: str) -> dict[str, str]:
    """Return what a daemon of the tree that the bench lies in runs with, whatever is installed.

    Python finds what lies in *folders* first; what is *more* is set besides. Ports are any.
    """
    paths = map(str, (*folders, ROOT))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [*paths, os.environ.get("PYTHONPATH")])),
        # Installed packages have their bytecode. A tree that may not keep it compiles all modules
        # anew at each start, which takes a third of a second.
        "PYTHONDONTWRITEBYTECODE": "",
        "ENGINE_GRPC_LISTEN": "127.0.0.1:0",
        "ENGINE_METRICS_LISTEN": "127.0.0.1:0",
        **more,
    }


def look(address: str, requests: Sequence[wire.DecideRequest], ca_file: str = "") -> list[bytes]:
    """Return the daemon's answer to each request, asked one after another."""
    channel = grpc.insecure_channel(address)
    if ca_file:
        trusted = grpc.ssl_channel_credentials(Path(ca_file).read_bytes())
        channel = grpc.secure_channel(address, trusted)
    with channel:
        call = channel.unary_unary(DECIDE, None, None)
        return [call(one.SerializeToString(), timeout=PATIENCE) for one in requests]


def answer_of(raw: bytes) -> Expected:
    """Return a daemon's answer in the form in which all are compared."""
    made = wire.Decision.FromString(raw)
    names = tuple(one.rule for one in made.reasons if one.rule)
    return wire.Action.Name(made.effective_action).removeprefix("ACTION_").lower(), names


def proof_of(raw: bytes) -> list[bytes]:
    """Return what every answer to the same question holds: the action and the reasons."""
    made = wire.Decision.FromString(raw)
    core = wire.Decision(
        action=made.action, effective_action=made.effective_action, reasons=made.reasons
    ).SerializeToString()
    if core in raw:
        return [core]
    return [one.SerializeToString() for one in made.reasons]
