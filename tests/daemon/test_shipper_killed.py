"""The shipper killed at any moment, before real servers: S3, NATS and Kafka.

Each has every record in the end. What was sent and not noted is there again: the same bytes, which
a stream drops within its window for duplicates. The first copies of a trail are in its order; in
the partitions of a topic, those of a tenant.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from engine.sinks.batch import with_origin
from engine.storage.read import read_folder
from tests.daemon.running import daemon, decide
from tests.daemon.test_shipper import figure, shippers, until, write
from tests.ports import free_port
from tests.sinks import test_kafka, test_nats, test_s3
from tests.sinks.servers import Server, nats_server, s3_server

pytestmark = pytest.mark.slow

COMMON = "batch_records = 7\nbatch_seconds = 0.05\nretry_most_seconds = 0.5\ncheckpoints = false\n"
NAMES = ("lake", "stream", "topic")


class Copy(NamedTuple):
    """A record as a sink has it."""

    trail: str
    sequence: int
    body: bytes


def copy_of(body: bytes) -> Copy:
    found = msgspec.json.decode(body)
    return Copy(found["trail"], found["sequence"], body)


class Places:
    """Where the trail is shipped to."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.s3: Server = stack.enter_context(s3_server())
        self.nats: Server = stack.enter_context(nats_server(folder))
        self.kafka = stack.enter_context(test_kafka.running())
        test_s3.make_bucket(self.s3, "lake", lock=False)
        asyncio.run(test_nats.stream(self.nats))

    @property
    def settings(self) -> str:
        """The sinks of a daemon."""
        servers = msgspec.json.encode(self.kafka.servers).decode()
        return f"""
[[audit.sinks]]
name = "lake"
kind = "s3"
url = "s3://lake/trail"
endpoint = "http://127.0.0.1:{self.s3.port}"
region = "eu-central-1"
lock = "off"
{COMMON}
[[audit.sinks]]
name = "stream"
kind = "nats"
servers = ["nats://127.0.0.1:{self.nats.port}"]
subject = "audit"
{COMMON}
[[audit.sinks]]
name = "topic"
kind = "kafka"
servers = {servers}
topic = "audit"
{COMMON}
"""

    def read(self) -> dict[str, list[Copy]]:
        """Return what each has, in its order; of objects, in that of their names."""
        lake = test_s3.client(self.s3)
        pages = lake.get_paginator("list_objects_v2").paginate(Bucket="lake")
        keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
        objects = (lake.get_object(Bucket="lake", Key=key)["Body"].read() for key in sorted(keys))
        lines = [line for one in objects for line in gzip.decompress(one).splitlines()]
        stream = [body for _, _, body in asyncio.run(test_nats.read(self.nats))]
        topic = [body for _, body, _ in self.kafka.read("audit")]
        return dict(
            zip(NAMES, (list(map(copy_of, one)) for one in (lines, stream, topic)), strict=True)
        )


def first_copies(copies: Sequence[Copy]) -> Iterator[Copy]:
    """Yield what was not there before."""
    seen: set[tuple[str, int]] = set()
    for one in copies:
        if (one.trail, one.sequence) not in seen:
            seen.add((one.trail, one.sequence))
            yield one


def killed_rounds(folder: Path, rounds: int, seed: int) -> None:
    """Kill the shipper at any moment, so often, while decisions are made; look what is there."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    made: set[str] = set()
    with ExitStack() as stack:
        places = Places(folder / "nats", stack)
        port = free_port()
        write(folder, places.settings, port)
        with daemon(folder, "--listen", "127.0.0.1:0") as running:
            for _ in range(rounds):
                until(lambda: bool(shippers(running)))
                made |= {decide(running.address).decision_id for _ in range(chance.randrange(60))}
                time.sleep(chance.random())
                for one in shippers(running):
                    os.kill(one, signal.SIGKILL)
                made |= {decide(running.address).decision_id for _ in range(chance.randrange(30))}
            until(lambda: figure(port, "engine_sink_completeness") == len(NAMES))
            assert figure(port, "engine_sink_decisions") == len(NAMES) * len(made)
            assert figure(port, "engine_sink_missed_records_total") == 0
            assert running.stop() == 0
        kept = [
            Copy(one.trail, one.sequence, with_origin(one.trail, one.sequence, one.payload))
            for one in read_folder(folder / "data/audit")
            if b'"act":"stopped"' not in one.payload  # The next run ships it.
        ]
        assert {msgspec.json.decode(one.body).get("decision_id") for one in kept} >= made
        for name, copies in places.read().items():
            first = list(first_copies(copies))
            assert set(first) == set(copies) == set(kept), name
            if name == "stream":
                assert len(copies) == len(first)
            if name == "topic":  # Records of no tenant may lie in any partition.
                first = [one for one in first if b'"kind":"decision"' in one.body]
            if name != "lake":
                assert all(
                    one.sequence < other.sequence
                    for trail in {one.trail for one in first}
                    for one, other in pairwise(one for one in first if one.trail == trail)
                ), name


def test_a_shipper_that_is_killed_loses_nothing_and_sends_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    killed_rounds(tmp_path, 4, seed=1)
