"""A call in, what the server's script answers out; or why it does not, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Final

from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    MovedError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from engine.runtime.store import StoreUnavailable
from engine.state.valkey_line import Command, Line
from engine.state.valkey_wire import Call

PARTS = ("valkey_numbers.lua", "valkey_buckets.lua", "valkey_takes.lua", "valkey.lua")
SCRIPT: Final = "\n".join(Path(__file__).with_name(name).read_text() for name in PARTS)
SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
LOAD: Final[Command] = ("SCRIPT", "LOAD", SCRIPT)
_LONGEST = 200
"""Characters of a server's own words that are repeated."""


class Elsewhere(Exception):
    """The server is one of a cluster, and the keys are not all its own. Nothing was done."""


async def evaluate(line: Line, call: Call) -> Sequence[object]:
    """Return the instant and the answers. Raises StoreUnavailable, and Elsewhere."""
    command: Command = ("EVALSHA", SHA, len(call.keys), *call.keys, call.request)
    reply = await line.ask(command)
    if isinstance(reply, NoScriptError):  # The server was emptied: nothing has been done.
        await line.ask(LOAD)
        reply = await line.ask(command)
    match reply:
        case [_, *answers] if len(answers) == len(call.readers):
            return reply
        case MovedError() | AskError() | ClusterCrossSlotError():
            raise Elsewhere
        case ResponseError():
            raise StoreUnavailable(f"{line.place} {_refusal(line, reply)}")
        case _:
            raise StoreUnavailable(f"{line.place} does not answer as a Valkey or Redis server does")


def _refusal(line: Line, refusal: ResponseError) -> str:
    """Return what the server does, instead of what it was asked to do."""
    # What the script meets is told by some servers in the words of the script's own error.
    told = str(refusal)
    if isinstance(refusal, ReadOnlyError) or "READONLY" in told:
        # The primary has become a replica: to connect anew finds the new one, behind a name.
        line.retire()
        return "is a replica, which takes no writes"
    if isinstance(refusal, OutOfMemoryError) or "OOM" in told:
        return "has no memory left for new entries (`maxmemory`)"
    return f"refuses: {told[:_LONGEST]}"
