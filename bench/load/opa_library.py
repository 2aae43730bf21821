"""A workload in, the CPU time of a decision by OPA's own engine out: no server, no wire.

    python -m bench.load.opa_library RULES

OPA's server is in no package registry, its engine is: as a C library in a wheel of PyPI. JSON goes
in and comes out, as over REST. This is what any server on top of it pays at least.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from time import process_time_ns

from bench.load.machine import SERVER, pinned
from bench.load.opa import bodies, denied, module_text
from bench.load.requests import expected_of
from bench.workloads import make_workload

ROOT = Path(__file__).parent.parent.parent
KEPT = ROOT / ".venv/peers"
LIBRARY = "opa_bindings/libopabridge.so"
QUERY = b"data.bench.deny"
ROUNDS = 15
ABSENT = "OPA's engine as a library: `make .venv/.peers` fetches it from PyPI"


def find() -> Path | None:
    """Return the library, which is taken out of its wheel once."""
    made = KEPT / LIBRARY
    wheels = sorted(KEPT.glob("opa_golib_python_bindings-*.whl"))
    if not made.exists() and wheels:
        with zipfile.ZipFile(wheels[-1]) as wheel:
            wheel.extract(LIBRARY, KEPT)
    return made if made.exists() else None


def load(path: Path) -> Callable[..., bytes]:
    """Return what calls a function of the library by name."""
    library = ctypes.CDLL(str(path))
    library.OpaNew.restype = ctypes.c_uint64
    library.OpaFreeString.argtypes = [ctypes.c_void_p]
    handle = ctypes.c_uint64(library.OpaNew())
    kinds = {
        "OpaAddPolicy": [ctypes.c_uint64, ctypes.c_char_p, ctypes.c_char_p],
        "OpaEvalQuery": [
            ctypes.c_uint64, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int
        ],
    }  # fmt: skip
    for name, kind in kinds.items():
        function = getattr(library, name)
        function.restype, function.argtypes = ctypes.c_void_p, kind

    def call(name: str, *given: bytes | int) -> bytes:
        place = getattr(library, name)(handle, *given)
        told = ctypes.string_at(place)
        library.OpaFreeString(place)
        return told

    return call


def decided(told: bytes) -> tuple[str, ...]:
    """Return the rules that deny."""
    return tuple(json.loads(told)["result"][0]["expressions"][0]["value"])


def measure(rules: int, path: Path) -> float:
    """Return the least CPU time of a decision in us."""
    workload = make_workload(rules)
    call = load(path)
    call("OpaAddPolicy", b"bench.rego", module_text(workload).encode())
    asked = [json.dumps(json.loads(one)["input"]).encode() for one in bodies(workload)]
    right = [names for _, names in denied(expected_of(workload))]
    if [decided(call("OpaEvalQuery", QUERY, one, 0, 0)) for one in asked] != right:
        sys.exit("OPA does not decide as the rules say")
    spent = []
    for _ in range(ROUNDS):
        start = process_time_ns()
        for one in asked:
            call("OpaEvalQuery", QUERY, one, 0, 0)
        spent.append((process_time_ns() - start) / len(asked) / 1000)
    return min(spent)


def in_child(rules: int) -> float:
    """Return the same, measured by a process of its own on the server's core."""
    command = [*pinned(SERVER), sys.executable, "-m", "bench.load.opa_library", str(rules)]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    found = find()
    if found is None:
        sys.exit(ABSENT)
    print(measure(int(sys.argv[1]), found))
