"""What a decision asks goes in; it is done by the nodes of a cluster that have the keys.

A script call reaches the keys of one hash slot. Keys are tagged by tenant, so what a decision takes
of its tenant's buckets lies in one slot and is taken in one step. A rule whose throttle is not `by
tenant.id` has buckets in slots of their own: a decision can take from one of those, but not from it
and from others, and is told so. Meters and sessions are asked in calls of their own, side by side.

Who settles knows the decision's id alone. So where a decision reserves, a signpost is put up under
its id: the tag that its reservation lies under.

Which node has what is learnt when first asked, when a node says that it has it no more, and now and
then while one is away: another may have taken its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, ResponseError

from engine.runtime.store import StoreUnavailable, Take
from engine.state.remote import Op, PartAway
from engine.state.valkey_line import Command, Line
from engine.state.valkey_script import Elsewhere, evaluate, make_ready
from engine.state.valkey_wire import ALONE, Call, Manner, Writer, take_tag

SLOTS: Final[Command] = ("CLUSTER", "SLOTS")
_MAGIC = b"\0pe1i"
LEARN_EVERY = 0.1
"""Seconds between two questions who has taken the place of a node that is away."""
MOVING: Final = "the cluster is moving what this decision needs"

Node = tuple[str, int]
Answers = tuple[int, list[object]]
"""The instant in ticks, and what each op is answered."""


@dataclass(slots=True)
class _Group:
    """What is done in one call: the ops with keys in one *slot*, their places, and their tags."""

    slot: int
    parts: list[tuple[int, Op, str]] = field(default_factory=list)


class Cluster:
    """See the module. *first* is a known node, at *host*; *connect* makes lines to others."""

    def __init__(
        self, first: Line, host: str, connect: Callable[[str, int], Line], manner: Manner
    ) -> None:
        self._first = first
        self._host = host
        self._connect = connect
        self._manner = manner
        self._lines: dict[Node, Line] = {}
        self._owners: list[tuple[int, int, Node]] = []
        self._learnt = 0.0
        """When was last asked who has what, by the clock of the loop."""

    @property
    def lines(self) -> Sequence[Line]:
        """The connections with nodes."""
        return tuple(self._lines.values())

    @property
    def lacking(self) -> str:
        """Why a node that has something is away, as last met; empty for none."""
        return next((line.why for line in self._lines.values() if line.state != "closed"), "")

    async def run(self, ops: Sequence[Op], now: int) -> Answers:
        """Do *ops*; one that fails is answered by its StoreUnavailable.

        Raises StoreUnavailable when no node does what it is asked, PartAway where there are others.
        """
        if not self._owners:
            await self._learn()
        answers: list[object] = [None] * len(ops)
        groups: dict[int, _Group] = {}
        for number, op in enumerate(ops):
            try:
                tag, slot = await self._place(op)
            except StoreUnavailable as refused:
                answers[number] = refused
                continue
            groups.setdefault(slot, _Group(slot)).parts.append((number, op, tag))
        asked = [self._group(group, now) for group in groups.values()]
        done = await asyncio.gather(*asked)
        instants = [0]
        for group, (instant, found) in zip(groups.values(), done, strict=True):
            instants.append(instant)
            for (number, _, _), answer in zip(group.parts, found, strict=True):
                answers[number] = answer
        if groups and not any(instants):
            away = cast("StoreUnavailable", done[0][1][0])
            there = any(line.state == "closed" for line in self._lines.values())
            raise PartAway(str(away)) if there else away
        return max(instants), answers

    async def connect(self) -> None:
        """Connect with all nodes before anybody asks, if that can be."""
        with suppress(StoreUnavailable):
            await self._learn()
        nodes = dict.fromkeys(node for *_, node in self._owners)
        await asyncio.gather(*(self._line_to(node).connect() for node in nodes))

    async def close(self) -> None:
        """Disconnect."""
        for line in self._lines.values():
            await line.close()

    async def _place(self, op: Op) -> tuple[str, int]:
        """Return the tag of the reservation of *op*, if it has one, and the slot of its keys.

        Raises StoreUnavailable where its keys are not in one slot.
        """
        tag = ALONE
        match op.method, op.arguments:
            case "settle", (str() as decision, _):
                tag = await self._signpost(decision)
            case (("take" | "owe"), ((Take() as first, *_), str(), _)):
                tag = take_tag(first)
            case "reserve", (((Take() as first, _), *_), str(), _):
                tag = take_tag(first)
            case "held", (_, Take() as first):
                tag = take_tag(first)
            case _:
                pass
        keys = Writer(self._manner).call([op], 0, [tag]).keys
        slots = {key_slot(key) for key in keys}
        if len(slots) > 1:
            raise StoreUnavailable(_apart(op))
        return tag, slots.pop() if slots else 0

    async def _group(self, group: _Group, now: int) -> Answers:
        """Do the ops of *group*; when that fails the instant is 0, and each is answered so."""
        ops = [op for _, op, _ in group.parts]
        tags = [tag for _, _, tag in group.parts]
        call = Writer(self._manner).call(ops, now, tags)
        try:
            for op, tag in zip(ops, tags, strict=True):
                await self._put_signpost(op, tag)
            reply = await self._evaluate(group.slot, call)
        except StoreUnavailable as away:
            return 0, [away] * len(ops)
        instant = int(cast("int | bytes", reply[0]))
        pairs = zip(call.readers, reply[1:], strict=True)
        return instant, [read(answer, instant) for read, answer in pairs]

    async def _evaluate(self, slot: int, call: Call) -> Sequence[object]:
        try:
            return await evaluate(await self._owner(slot), make_ready(call))
        except Elsewhere:
            await self._learn()
        try:
            return await evaluate(self._line(slot), make_ready(call))
        except Elsewhere:
            raise StoreUnavailable(MOVING) from None

    # --- signposts -------------------------------------------------------------------------------

    def _place_of(self, decision: str) -> bytes:
        return f"{self._manner.prefix}{{{decision}}}i".encode()

    async def _put_signpost(self, op: Op, tag: str) -> None:
        """Tell under the decision's id where its reservation lies, if it makes one."""
        match op.method, op.arguments:
            case (("take" | "owe"), (takes, str() as decision, int() as hold)) if decision:
                lives = [take.life for take in cast("Sequence[Take]", takes)]
                await self._post(decision, tag, max(hold, *lives))
            case "reserve", (_, str() as decision, int() as hold):
                await self._post(decision, tag, hold)
            case _:
                pass

    async def _post(self, decision: str, tag: str, hold: int) -> None:
        key = self._place_of(decision)
        command = ("SET", key, _MAGIC + tag.encode(), "PX", hold // 1_000_000 + 1)
        await self._tell(key_slot(key), command)

    async def _signpost(self, decision: str) -> str:
        """Return the tag that the reservation of *decision* lies under. Raises StoreUnavailable."""
        key = self._place_of(decision)
        reply = await self._tell(key_slot(key), ("GET", key))
        if isinstance(reply, bytes) and reply.startswith(_MAGIC):
            return reply[len(_MAGIC) :].decode()
        return ALONE

    # --- nodes -----------------------------------------------------------------------------------

    async def _tell(self, slot: int, command: Command) -> object:
        """Return the reply of the node that has *slot*. Raises StoreUnavailable for a refusal."""
        reply = await (await self._owner(slot)).ask(command)
        if isinstance(reply, MovedError):  # Nothing has been done.
            await self._learn()
            reply = await self._line(slot).ask(command)
        if isinstance(reply, MovedError | AskError):
            raise StoreUnavailable(MOVING)
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"the cluster refuses: {reply}")
        return reply

    async def _owner(self, slot: int) -> Line:
        """Return the connection with the node that has *slot*, learnt anew if that is away."""
        line = self._line(slot)
        if line.state != "closed" and _now() - self._learnt >= LEARN_EVERY:
            # It was sent nothing, so whoever has taken its place may be.
            await self._learn()
            line = self._line(slot)
        return line

    def _line(self, slot: int) -> Line:
        for first, last, node in self._owners:
            if first <= slot <= last:
                return self._line_to(node)
        raise StoreUnavailable("a part of the cluster has no node that serves it")

    def _line_to(self, node: Node) -> Line:
        if node not in self._lines:
            self._lines[node] = self._connect(*node)
        return self._lines[node]

    async def _learn(self) -> None:
        """Learn which node has which slots, from any that tells; let go of who has none."""
        self._learnt = _now()
        reply: object = None
        for line in self._informed():
            try:
                reply = await line.ask(SLOTS)
            except StoreUnavailable as away:
                reply = away
            if isinstance(reply, list):
                break
        if isinstance(reply, StoreUnavailable):
            raise reply
        if not isinstance(reply, list):
            raise StoreUnavailable(f"the cluster does not tell its nodes: {reply}")
        # A node that was never told its own address says that it is where it was asked.
        self._owners = [
            (first, last, (node[0].decode() or self._host, node[1]))
            for first, last, node, *_ in reply
        ]
        owners = {node for *_, node in self._owners}
        gone = [self._lines.pop(node) for node in set(self._lines) - owners]
        for line in gone:  # Out of reach first: others learn meanwhile.
            if line is not self._first:
                await line.close()

    def _informed(self) -> Sequence[Line]:
        """Return whom to ask about the others: nodes that are there as far as is known."""
        for *_, node in self._owners:
            self._line_to(node)
        known = [line for line in self._lines.values() if line.state == "closed"]
        return known if self._first in known else [*known, self._first]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _apart(op: Op) -> str:
    """Return why *op* cannot be done in a cluster."""
    asked = cast("Sequence[Take | tuple[Take, int]]", op.arguments[0])
    rules: Mapping[str, None] = dict.fromkeys(
        (one if isinstance(one, Take) else one[0]).rule for one in asked
    )
    names = " and ".join(f"`{rule}`" for rule in rules)
    return (
        f"in a cluster {names} cannot take in one step: write `by tenant.id` in each of their "
        "throttles"
    )
