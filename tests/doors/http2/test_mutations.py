"""Whatever bytes come, a connection neither raises nor keeps others from their answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from engine.doors.http2 import frames
from tests.doors.http2.peers import Client, data

SEEDS = 300
SEEDS_AT_NIGHT = 30_000


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Run in an event loop that never turns: a connection does all at once."""
    made = asyncio.new_event_loop()
    asyncio._set_running_loop(made)
    yield
    asyncio._set_running_loop(None)
    made.close()


def session(rng: random.Random) -> bytes:
    """Return what a client might send, with a few bytes that are wrong."""
    client = Client()
    parts = [frames.settings(((4, rng.choice((0, 1, 65_535))),))]
    for number in range(1, 2 * rng.randint(1, 6), 2):
        parts += [
            frames.headers(number, client.block(), 16_384, end=rng.random() < 0.2),
            data(number, rng.randbytes(rng.randint(0, 40)), end=rng.random() < 0.7),
            rng.choice((frames.ping(bytes(8), ack=False), frames.window_update(number, 9), b"")),
        ]
    sent = bytearray(b"".join(parts))
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(sent))
        sent[at : at + rng.choice((0, 1, 1, 3))] = rng.randbytes(rng.choice((0, 1, 1, 4)))
    return bytes(sent)


def attack(seeds: range) -> None:
    """Feed mutated sessions, in pieces of any size, to a connection each."""
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311 - a seed that can be told
        client, sent, at = Client(), session(rng), 0
        while at < len(sent):
            size = rng.randint(1, 60)
            client.feed(sent[at : at + size])
            at += size
        client.connection.connection_lost(None)
        assert not client.connection.streams


def test_no_mutation_raises() -> None:
    attack(range(SEEDS))


@pytest.mark.nightly
def test_no_mutation_raises_in_a_long_search() -> None:
    attack(range(SEEDS, SEEDS_AT_NIGHT))
