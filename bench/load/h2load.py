"""Another opinion on a closed loop: nghttp2's ``h2load``, which is C and looks at no answer.

Debian has it (``nghttp2-client``). Where it and our generator agree, neither of them is what was
measured.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from bench.load.ahead import before_others
from bench.load.frames import message
from bench.load.machine import LOAD, pinned
from bench.load.spec import Load

FINISHED = re.compile(r"finished in [\d.]+m?s, ([\d.]+) req/s")
SUCCEEDED = re.compile(r"(\d+) succeeded")
ABSENT = "h2load, which checks the load generator: Debian's nghttp2-client has it"


def find() -> bool:
    """Return whether it is installed."""
    return shutil.which("h2load") is not None


def per_second(load: Load, place: Path, calls: int) -> float:
    """Return the calls a second of so many over one connection; only the first body is asked."""
    body = place / "body"
    body.write_bytes(message(load.bodies[0]))
    words = [*before_others(), "h2load", f"-n{calls}", "-c1", "-t1"]
    words += [f"-m{load.flying}", "-d", str(body), "-H", "content-type: application/grpc"]
    words += ["-H", "te: trailers", f"http://{load.address}{load.path}"]
    told = subprocess.run([*pinned(LOAD), *words], check=True, capture_output=True, text=True)
    finished, succeeded = FINISHED.search(told.stdout), SUCCEEDED.search(told.stdout)
    if finished is None or succeeded is None or int(succeeded[1]) == 0:
        msg = f"h2load told nothing: {told.stdout[-300:]}"
        raise OSError(msg)
    return float(finished[1])
