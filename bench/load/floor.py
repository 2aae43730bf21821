"""An empty grpc-go server, built where Go and its gRPC library are installed: the floor.

Debian has both (``golang-go``, ``golang-google-grpc-dev``); it is built once, without a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.daemons import Running
from bench.load.machine import SERVER, pinned

ROOT = Path(__file__).parent.parent.parent
SOURCE = Path(__file__).with_name("empty_grpc.go")
BUILT = ROOT / ".venv/peers/empty-grpc-go"
LIBRARIES = Path("/usr/share/gocode")
CALL = "/bench.Empty/Call"
ANSWER = b"x" * 150
ABSENT = "an empty grpc-go server: it needs Debian's golang-go and golang-google-grpc-dev"


def find() -> str | None:
    """Return the binary, which is built when that is possible."""
    if BUILT.exists() and BUILT.stat().st_mtime >= SOURCE.stat().st_mtime:
        return str(BUILT)
    if shutil.which("go") is None or not (LIBRARIES / "src/google.golang.org/grpc").is_dir():
        return None
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(LIBRARIES), "GOFLAGS": ""}
    command = ["go", "build", "-o", str(BUILT), str(SOURCE)]
    made = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if made.returncode:
        sys.stderr.write(made.stderr)
        return None
    return str(BUILT)


@contextmanager
def server(binary: str) -> Iterator[Running]:
    """Yield the server."""
    with subprocess.Popen(
        [*pinned(SERVER), binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Running(process, process.stdout.readline().strip())
        process.communicate()
