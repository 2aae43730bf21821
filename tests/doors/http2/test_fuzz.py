"""What the fuzzer begins with, and what it has found: none of it may do any harm."""

from __future__ import annotations

import random

import pytest

from tests.doors.http2.fuzz_target import play

SEEDS: dict[str, bytes] = {
    "calls": b"\x00\x01\x01" + b"\x00\x00\x00\x01\x51\x00hello" * 3,
    "streams": b"\x00\x01\x01" + b"\x00\x00\x02\x01\x51\x00hello\x02\x05\x00" * 3,
    "many": b"\x00\x01\x01\x00\x00\x03\x01\x51\x00hello\x02\x03\x00\xf1",
    "busy": b"\x00\x02\x01" + b"\x00\x01\x00\x05\x04\x03\x02\x05\x00" * 3,
    "in one read": b"\x00\x00\x01\x0a\x00\x00\x00\x01\x51\x00hello\x09\x00\x0a\x03",
    "paused": b"\x00\x02\x01\x00\x01\x00\x05\x00\x00\x0b\x05\x01\x05\x0b\xf1\x0e\x00\xf1",
    "honest": bytes.fromhex("80800081000200820000800281000300840380038682"),
    "honest, and settings": bytes.fromhex(
        "80800081000200820084038004058681800081000200820084038682"
    ),
    "wrong": bytes.fromhex("000001070005036162630008047778797a0c05828486410d0182"),
}
FOUND: dict[str, bytes] = {
    "a GOAWAY with a later stream than the one before": bytes.fromhex(
        "000201000000f9f9f9f9f90e00f9f9f9f9f9f900010af9f9f900f9f9f9f9f9f9f10000"
    ),
    "an answer behind the GOAWAY that ends all": bytes.fromhex(
        "000101000001affa68656c6c6f020500000002015100686c6c6f028500"
    ),
    "a handler whose stream was ended for it, and who waits for ever": bytes.fromhex(
        "00010100000201510069208700006500000000002c32000007000205510051000000000068656c7e002601"
    ),
}
LIVES = 300


@pytest.mark.parametrize("name", [*SEEDS, *FOUND])
def test_what_was_found_does_no_harm(name: str) -> None:
    play((SEEDS | FOUND)[name])


@pytest.mark.slow
def test_no_life_of_a_connection_breaks_its_promises() -> None:
    for seed in range(LIVES):
        rng = random.Random(seed)  # noqa: S311 - a seed that can be told
        play(rng.randbytes(rng.randint(0, 300)))
