"""How much do the neighbours of an attacker wait?

    python -m bench.bench_attacks [--seconds 1] [--json]

A server with small methods runs on one core. On the other one a client asks, call by call, while
attackers (of the same core and priority, so that they take the client's time, too) do one of the
floods of `tests.doors.http2.test_floods` over connection after connection. The tests hold that each
call is answered and that memory is bounded; here is told how long the calls took, beside calls in
quiet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.bench_transport import LOAD_CORE, SERVER_CORE, pin
from bench.goals import Result, Row, show
from tests.doors.http2.attackers import Neighbour, Raw, Target, resident, serving
from tests.doors.http2.test_floods import FLOODS, MADE, RESETS

ATTACKS = {
    **FLOODS,
    **{f"resets {name}": flood for name, flood in RESETS.items()},
    **{f"resets made by {name}": flood for name, flood in MADE.items()},
}
QUIET = "none"
ATTACKERS = 2


def attack(name: str, port: int) -> None:
    """Attack until the parent goes away; print how many connections that took."""
    pin(LOAD_CORE)
    parent, ended = os.getppid(), 0
    target = Target(port, None, 0)
    while os.getppid() == parent:
        with Raw(target) as client:
            client.flood(ATTACKS[name](client))
        ended += 1
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


@contextmanager
def attacking(name: str, port: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Let attackers attack."""
    if name == QUIET:
        yield []
        return
    command = [sys.executable, "-m", "bench.bench_attacks", "--attack", name, str(port)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(ATTACKERS)
    ]
    try:
        for one in running:
            assert one.stdout is not None
            one.stdout.readline()
        yield running
    finally:
        for one in running:
            one.terminate()


def measure(name: str, target: Target, seconds: float) -> Row:
    """Ask while others attack."""
    with attacking(name, target.port) as running:
        neighbour, until = Neighbour(target.honest, target.process), time.monotonic() + seconds
        while time.monotonic() < until:
            neighbour.ask()
    ended = sum(len(one.communicate()[0].splitlines()) for one in running)
    taken = sorted(neighbour.taken)
    return {
        "attack": name,
        "attackers sent away a second": round(ended / seconds),
        "calls": len(taken),
        "p50 us": round(taken[len(taken) // 2] * 1e6),
        "p99 us": round(taken[len(taken) * 99 // 100] * 1e6),
        "most us": round(taken[-1] * 1e6),
        "server MB": resident(target.process) >> 20,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one attack")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--attack", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.attack:
        attack(given.attack[0], int(given.attack[1]))
        return
    pin(SERVER_CORE)  # The server inherits it.
    with serving() as target:
        pin(LOAD_CORE)
        rows = [measure(name, target, given.seconds) for name in (QUIET, *ATTACKS, QUIET)]
    show(Result({"A neighbour's calls while others attack": rows}, ()), as_json=given.json)


if __name__ == "__main__":
    main()
