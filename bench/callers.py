"""Real gRPC callers in a process of their own: ask until refused, and say what was answered.

    python -m bench.callers ADDRESS… [--callers 250] [--channels 8] [--most 0] [--seconds 0]
        [--no-wait]

Every caller asks one request after the other, all for one tenant, until it is refused, or as often
or as long as it may. A call that fails (its worker was killed) is asked again on another
connection: whether it was granted is not known. Calls wait for a server that listens, and end soon
after the time that was given; with --no-wait they fail where nobody listens, and one that was
begun has all the time it needs. Prints one line of JSON: how many calls were granted, refused and
failed, and the seconds it took. It begins when a line comes in.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import grpc
import grpc.aio
import msgspec
import uvloop

from engine.doors.grpc.caller import METHOD, write_request
from engine.runtime.request import Request
from engine.wire import engine_pb2 as wire

PATIENCE = 60.0
GRACE = 1.0
"""Seconds that a call may end after the instant when no more begin."""
PAUSE = 0.02
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""Without it all channels of a process would share one connection, and so one worker."""
REFUSED = frozenset({wire.ACTION_THROTTLE, wire.ACTION_DENY})


class Answered(msgspec.Struct):
    """What became of the calls."""

    granted: int = 0
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """When a caller stops without being refused: after *most* calls, at the instant *ends*.

    0 and infinity for never.
    """

    most: int = 0
    ends: float = math.inf
    tenant: str = "north"
    """For whom it asks."""
    waits: bool = True
    """Whether a call waits for a server that listens, for as long as calls may begin."""


async def ask_on(channel: grpc.aio.Channel, limits: Limits, answered: Answered) -> None:
    """Be one caller."""
    request = Request(
        tenant={"id": limits.tenant}, user={"id": "u1"}, stage="request", content="hello"
    )
    raw = write_request(request).SerializeToString()
    call = channel.unary_unary(METHOD, None, wire.Decision.FromString)
    asked = 0
    while (not limits.most or asked < limits.most) and monotonic() < limits.ends:
        asked += 1
        try:
            left = limits.ends - monotonic() + GRACE
            patience = min(PATIENCE, left) if limits.waits else PATIENCE
            decision = await call(raw, timeout=patience, wait_for_ready=limits.waits)
        except grpc.aio.AioRpcError:
            answered.failed += 1
            await asyncio.sleep(PAUSE)
            continue
        if decision.effective_action in REFUSED:
            answered.refused += 1
            return
        answered.granted += 1


async def ask_all(
    addresses: Sequence[str], callers: int, channels: int, limits: Limits, answered: Answered
) -> None:
    """Be *callers* callers on *channels* connections; count in *answered*."""
    opened = [
        grpc.aio.insecure_channel(addresses[number % len(addresses)], options=OWN_CONNECTION)
        for number in range(channels)
    ]
    began = monotonic()
    try:
        await asyncio.gather(
            *(ask_on(opened[number % channels], limits, answered) for number in range(callers))
        )
    finally:
        for one in opened:
            await one.close(None)
    answered.seconds = monotonic() - began


def main() -> None:
    """Ask as the command line says, and print what was answered."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--callers", type=int, default=250)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--most", type=int, default=0, help="calls of one caller; 0 for no limit")
    parser.add_argument("--seconds", type=float, default=0, help="0 for no limit")
    parser.add_argument("--no-wait", action="store_true", help="fail where nobody listens")
    given = parser.parse_args()
    sys.stdin.readline()
    ends = monotonic() + given.seconds if given.seconds else math.inf
    answered = Answered()
    limits = Limits(given.most, ends, waits=not given.no_wait)
    uvloop.run(ask_all(given.addresses, given.callers, given.channels, limits, answered))
    sys.stdout.write(msgspec.json.encode(answered).decode() + "\n")


if __name__ == "__main__":
    main()
