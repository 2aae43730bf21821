"""A server that was started in, the moment at which it listens out."""

from __future__ import annotations

import socket
import subprocess
import sys
from time import monotonic, sleep

PATIENCE = 120.0
STEP = 0.05


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def wait_listening(process: subprocess.Popen[str], port: int) -> None:
    """Return when somebody listens at *port*; end the bench when *process* ends first."""
    end = monotonic() + PATIENCE
    while monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(STEP)
        else:
            return
    sys.exit("a peer's server did not start")
