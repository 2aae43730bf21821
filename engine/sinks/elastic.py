"""Records in, a bulk request of Elasticsearch or OpenSearch out; and what became of each, back.

A request that was taken says nothing of its records: each has an answer of its own. 400, 413, 415
and 422 are about the record, unless the kind of error names the index or the cluster; 409 is a
record that was there before; all else is tried again. A record that was accepted and is not in the
index (a pipeline dropped it, or it lies in the failure store) was not taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

import msgspec

from engine.sinks.batch import Item
from engine.sinks.sink import Away, Outcome
from engine.sinks.web import ABOUT_THE_BATCH, Answer, decoded

CREATED = frozenset({200, 201})
CONFLICT = 409
THERE_ALREADY = frozenset({"", "version_conflict_engine_exception"})
NOT_THE_RECORD = frozenset(
    {
        "cluster_block_exception",
        "index_closed_exception",
        "index_not_found_exception",
        "invalid_index_name_exception",
        "resource_already_exists_exception",
        "security_exception",
        "validation_exception",
    }
)
"""Kinds of errors that are the index's or the cluster's, whatever status they come with."""
KIND = re.compile(r"[a-z_]{1,100}")
DROPPED = "a pipeline of the server dropped it"
FAILED = "it was put into the failure store: it does not fit the index, or a pipeline failed"


class Done(msgspec.Struct):
    """What became of one record."""

    status: int = 0
    result: str = ""
    failure_store: str = ""
    error: msgspec.Raw = msgspec.Raw(b"")


class Fault(msgspec.Struct):
    """Why a record was not taken."""

    type: str = ""


class Bulk(msgspec.Struct):
    """The answer to a batch."""

    errors: bool
    items: list[dict[str, Done]]


def bulk_of(items: Sequence[Item], index: str) -> bytes:
    """Return the records as actions of a bulk request; one that comes twice has the same id."""
    return b"".join(
        msgspec.json.encode({"create": {"_index": index, "_id": id_of(one)}})
        + b"\n"
        + one.body
        + b"\n"
        for one in items
    )


def id_of(item: Item) -> str:
    """Return the record's id as a UUID."""
    return str(UUID(bytes=sha256(item.id.encode()).digest()[:16]))


def outcome_of(answer: Answer, count: int) -> Outcome:
    """Return what became of the *count* records of a bulk request. Raises Away."""
    bulk = decoded(answer, Bulk)
    if len(bulk.items) != count:
        raise Away("it does not answer for every record")
    refused: list[tuple[int, str]] = []
    again: list[int] = []
    why = ""
    for place, one in enumerate(bulk.items):
        done = next(iter(one.values()), Done())
        kind = fault_of(done)
        if done.status in CREATED:
            if done.result == "noop" or done.failure_store == "used":
                refused.append((place, DROPPED if done.result == "noop" else FAILED))
        elif done.status in ABOUT_THE_BATCH and kind not in NOT_THE_RECORD:
            refused.append((place, f"it answers {done.status}: {kind}".rstrip(": ")))
        elif done.status != CONFLICT or kind not in THERE_ALREADY:
            again.append(place)
            why = f"it answers {done.status} to some records: {kind}".rstrip(": ")
    return Outcome(tuple(refused), tuple(again), why)


def fault_of(done: Done) -> str:
    """Return the kind of error that is named; its text may quote the record."""
    try:
        kind = msgspec.json.decode(done.error, type=Fault).type
    except msgspec.DecodeError:
        return ""
    return kind if KIND.fullmatch(kind) else ""
