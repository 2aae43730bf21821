"""A call in, what the server's script answers out; or why it does not, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha1
from pathlib import Path
from typing import Final, NamedTuple

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
from engine.state.remote import Op
from engine.state.valkey_line import PING, Command, Line, pack
from engine.state.valkey_wire import Call, Manner, Writer

_TAKES = ("numbers", "buckets", "takes")


class Script(NamedTuple):
    """A script, and the digest by which a server that has it knows it."""

    text: str
    digest: str

    @property
    def load(self) -> Command:
        """The command that gives it to a server."""
        return ("SCRIPT", "LOAD", self.text)


def read_script(*parts: str) -> Script:
    """Return the script of these parts, and of what calls them."""
    files = (*(f"valkey_{part}.lua" for part in parts), "valkey.lua")
    text = "\n".join(Path(__file__).with_name(name).read_text() for name in files)
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


ALL: Final = read_script(*_TAKES, "settle", "sessions")
TAKES: Final = read_script("quick", *_TAKES)
"""Does no more than taking and looking: a server makes every function of a script anew for every
call, and most decisions need few of them."""
GREETING: Final[tuple[Command, ...]] = (ALL.load, TAKES.load, ("INFO",))
REPLICA: Final = "is a replica, which takes no writes"
_LONGEST = 200
"""Characters of a server's own words that are repeated."""


class Elsewhere(Exception):
    """The server is one of a cluster, and the keys are not all its own. Nothing was done."""


async def is_cluster(line: Line) -> bool:
    """Return whether the server is one of a cluster, connecting first. Raises StoreUnavailable."""
    if not line.greeted:
        await line.ask(PING)
    return b"\ncluster_enabled:1" in _info(line.greeted)


def objection(greeted: Sequence[object]) -> str:
    """Return why a server that *greeted* so is not the one to ask; empty when it is.

    A replica would answer what only looks, from what its primary had a while ago, or at the time
    when it lost it. A node of a cluster is asked at least who has what.
    """
    told = _info(greeted)
    alone = b"\ncluster_enabled:1" not in told
    return REPLICA if alone and b"\nrole:slave" in told else ""


def evicts(line: Line) -> str:
    """Return by which policy the server forgets what is kept when it is full; empty for none."""
    found = re.search(rb"\nmaxmemory_policy:(\S+)", _info(line.greeted))
    policy = "" if found is None else found[1].decode("ascii", "replace")
    return "" if policy == "noeviction" else policy


def _info(greeted: Sequence[object]) -> bytes:
    """Return what the server says of itself; nothing where it does not tell this user."""
    told = greeted[-1] if greeted else b""
    return told if isinstance(told, bytes) else b""


class Ready(NamedTuple):
    """A call as it is sent."""

    call: Call
    script: Script
    command: bytes


def make_ready(call: Call) -> Ready:
    """Return *call* as it is sent."""
    script = TAKES if call.light else ALL
    command: Command = ("EVALSHA", script.digest, len(call.keys), *call.keys, call.request)
    return Ready(call, script, pack(command))


@lru_cache(maxsize=2048)
def often(op: Op, manner: Manner) -> Ready:
    """Return the call for *op*, by the server's clock: what is asked again and again."""
    return make_ready(Writer(manner).call([op], 0))


async def evaluate(line: Line, ready: Ready) -> Sequence[object]:
    """Return the instant and the answers. Raises StoreUnavailable, and Elsewhere."""
    call, script, command = ready
    reply = await line.ask(command)
    if isinstance(reply, NoScriptError):  # The server was emptied: nothing has been done.
        await line.ask(script.load)
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
        return REPLICA
    if isinstance(refusal, OutOfMemoryError) or "OOM" in told:
        return "has no memory left for new entries (`maxmemory`)"
    return f"refuses: {told[:_LONGEST]}"
