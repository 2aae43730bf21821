"""What a load generator is told, and what it tells: the messages between it and a bench."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["unary", "stream", "http1"]
"""gRPC calls, messages on one gRPC stream a connection, or HTTP/1.1 with a call a connection."""

MARK = b"#MARK#00"
"""Stands in a body for eight letters that differ from call to call."""


class Load(msgspec.Struct, frozen=True):
    """One measurement. Without *rate* it is a closed loop: an answer is followed by a question."""

    address: str
    """``host:port``, or ``unix:`` and a path; several with commas, for a connection each."""
    path: str
    bodies: list[bytes]
    """Asked in turns; may hold `MARK`."""
    proofs: list[list[bytes]]
    """What the answer to each body must hold, in this order."""
    kind: Kind = "unary"
    connections: int = 1
    flying: int = 1
    """In flight, over all connections; in an open loop the most that may be."""
    rate: float = 0.0
    """Calls a second of an open loop, whose times are drawn before it begins."""
    arrivals: Literal["poisson", "uniform"] = "poisson"
    seconds: float = 1.0
    warm: float = 0.1
    """Seconds at the beginning that are not counted."""
    piece: int = 0
    """So many bytes are read before what follows from them is asked; 0: what there is. In small
    pieces a server gets new calls while others of its answers are looked at."""
    ca_file: str = ""
    """For TLS."""
    seed: int = 1
    ahead: bool = False
    """Whether the generator runs before all others of its core, where that is permitted."""


class Loaded(msgspec.Struct, frozen=True):
    """What was measured. Latencies in us, in an open loop from when a call was due."""

    asked: int
    """All calls, also those while it got warm."""
    answered: int
    """Those that were counted."""
    per_second: float
    p50: float
    p90: float
    p99: float
    p999: float
    worst: float
    wrong: int
    """Answers with another status or another body than they should have, and calls without one."""
    problem: str
    """The first of them."""
    lost: bool
    """Whether an open loop was given up because the server does not hold its rate."""
    own_us: float
    """What a call costs the generator: its time less that in which there was nothing to do."""
    busy: float
    """The share of its time that it worked."""
    held: int
    """How often the machine kept it from its core for more than `HELD_NS`, and"""
    held_ms: float
    """for how long altogether, while it counted. Known where it never sleeps: in open loops, and
    in closed ones with one in flight."""
    tail_held: float
    """The share of the time of the slowest hundredth of the calls in which that was so. It is in
    their latencies all the same."""
    ahead: bool
    """Whether it ran before all others of its core."""
    samples: list[tuple[int, bytes]]
    """Some answers, with the numbers of their bodies."""


HELD_NS = 100_000
