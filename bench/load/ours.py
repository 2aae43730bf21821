"""A workload and settings in, our own daemon as a contender out: its answers looked at first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load.board import Contender
from bench.load.daemons import Running, answer_of, daemon, look, proof_of, write_policies
from bench.load.requests import BATCH, DECIDE, STREAM, Expected, expected_of, request_of
from bench.load.spec import Load
from bench.workloads import Workload
from engine.wire import engine_pb2 as wire

Right = Callable[[Expected, Expected], bool]
"""Whether the answer, the first, is right where the rules alone say the second."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A daemon that runs, the requests that it is asked, and what its answers hold."""

    server: Running
    requests: Sequence[wire.DecideRequest]
    proofs: Sequence[list[bytes]]

    def unary(self, name: str, address: str = "", ca_file: str = "") -> Contender:
        """Return it, asked with a call a decision."""
        bodies = [one.SerializeToString() for one in self.requests]
        return self._asked(name, DECIDE, bodies, list(self.proofs), address, ca_file)

    def stream(self, name: str) -> Contender:
        """Return it, asked on one stream."""
        made = self.unary(name)
        load = Load(made.load.address, STREAM, made.load.bodies, made.load.proofs, kind="stream")
        return Contender(name, self.server, load)

    def batch(self, name: str, size: int) -> Contender:
        """Return it, asked with so many requests in a call."""
        bodies, proofs = [], []
        for start in range(0, len(self.requests) - size + 1, size):
            some = self.requests[start : start + size]
            bodies.append(wire.DecideBatchRequest(requests=some).SerializeToString())
            proofs.append([part for one in self.proofs[start : start + size] for part in one])
        made = self._asked(name, BATCH, bodies, proofs, "", "")
        return Contender(name, self.server, made.load, size)

    def _asked(
        self,
        name: str,
        path: str,
        bodies: list[bytes],
        proofs: list[list[bytes]],
        address: str,
        ca_file: str,
    ) -> Contender:
        """Return it, asked by calls."""
        load = Load(address or self.server.address, path, bodies, proofs, ca_file=ca_file)
        return Contender(name, self.server, load)


def same(answer: Expected, expected: Expected) -> bool:
    """Return whether the answer is what the rules say."""
    return answer == expected


@contextmanager
def our_daemon(
    place: Path,
    workload: Workload,
    *settings: str,
    more: str = "",
    contents: Sequence[str] = (),
    right: Right = same,
    ca_file: str = "",
    cores: Sequence[str] = (),
) -> Iterator[Ours]:
    """Yield the daemon with the workload's rules and the policies in *more*.

    With *contents* the requests have these, in turns; *right* says what is an answer then. Over
    TLS the daemon is known by *ca_file*.
    """
    policies = write_policies(place / "policies", workload, more)
    requests = [
        request_of(one, contents[number % len(contents)] if contents else None)
        for number, one in enumerate(workload.requests)
    ]
    with daemon(place / "data", policies, *settings, cores=cores) as server:
        raws = look(server.address, requests, ca_file)
        for raw, expected in zip(raws, expected_of(workload), strict=True):
            if not right(answer_of(raw), expected):
                sys.exit(f"the daemon says {answer_of(raw)}, the rules say {expected}")
        yield Ours(server, requests, [proof_of(raw) for raw in raws])
