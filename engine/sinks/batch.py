"""Records in, batches that a sink takes at once out, each record in the form that was asked for.

A record is known by its trail and its number there for ever: whoever gets one twice can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import msgspec

CHECKPOINTS = "checkpoints"
"""What stands in for a trail's name where signed checkpoints are shipped."""
CHECKPOINT = "checkpoint"
DECISION = "decision"
CUT = "cut"


class Item(NamedTuple):
    """One record on its way, as JSON that names its trail and its number."""

    trail: str
    sequence: int
    time: str
    kind: str
    tenant: str
    body: bytes

    @property
    def id(self) -> str:
        """What tells it from all others, and is the same when it is sent again."""
        name = f"{self.trail}/{self.sequence}"
        # What a recovery adds has the number of the record that the trail goes on with.
        return f"{name}/cut" if self.kind == CUT else name


class Batch(NamedTuple):
    """Items in their order. Never empty."""

    items: tuple[Item, ...]

    @property
    def size(self) -> int:
        """Bytes of all bodies."""
        return sum(len(one.body) for one in self.items)

    @property
    def id(self) -> str:
        """The same for the same items."""
        return sha256("\n".join(one.id for one in self.items).encode()).hexdigest()[:24]

    @property
    def lines(self) -> bytes:
        """One item a line."""
        return b"".join(one.body + b"\n" for one in self.items)


class Glance(msgspec.Struct, frozen=True):
    """What of a record says whether a sink wants it."""

    kind: str = ""
    time: str = ""
    tenant: str = ""
    effective_action: str = ""


_glance = msgspec.json.Decoder(Glance)


def glance_at(payload: bytes) -> Glance:
    """Return what *payload* says of itself; nothing where it is no record."""
    try:
        return _glance.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Glance()


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which records a sink gets; an empty set chooses all.

    A tenant's sink gets nothing that is no tenant's. *actions* choose among what has an action.
    """

    tenants: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def takes(self, one: Glance) -> bool:
        """Return whether the record is wanted."""
        return (
            (not self.tenants or one.tenant in self.tenants)
            and (not self.kinds or one.kind in self.kinds)
            and (
                not self.actions or not one.effective_action or one.effective_action in self.actions
            )
        )


def with_origin(trail: str, sequence: int, payload: bytes) -> bytes:
    """Return the JSON object *payload* with its trail and number in front."""
    # Spliced, since the record need not be read for it: 0.3 us where decoding takes 10.
    head = f'{{"trail":"{trail}","sequence":{sequence}'.encode()
    if payload[:1] != b"{":
        return (
            head + b',"payload":' + msgspec.json.encode(payload.decode("utf-8", "replace")) + b"}"
        )
    rest = payload[1:]
    return head + (b"" if rest.lstrip()[:1] == b"}" else b",") + rest


def checkpoint_payload(note: str, time: str) -> bytes:
    """Return a checkpoint as a record."""
    return msgspec.json.encode({"kind": CHECKPOINT, "time": time, "note": note})


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """Return the two halves of a *batch* of at least two."""
    middle = len(batch.items) // 2
    return Batch(batch.items[:middle]), Batch(batch.items[middle:])


def of(items: Iterable[Item]) -> Batch:
    """Return the batch of *items*."""
    return Batch(tuple(items))
