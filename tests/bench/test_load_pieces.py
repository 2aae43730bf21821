"""What the load benches are put together from: requests written ahead, peers' rules, figures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from hpack import Decoder

from bench.load import cerbos, opa
from bench.load.answers import Tally
from bench.load.board import Figure, Shot, rate_of, ratio
from bench.load.cerbos_wire import CLASSES, effect_of
from bench.load.frames import (
    DATA,
    END_STREAM,
    HEADERS,
    LARGEST_FRAME,
    PING,
    SETTINGS,
    frame,
    head,
    http1_template,
    message,
    message_template,
    name_of,
    unary_template,
)
from bench.load.generate import arrivals
from bench.load.http1 import whole_body
from bench.load.matrix import possible
from bench.load.requests import expected_of
from bench.load.sockets import Socket
from bench.load.spec import MARK, Load, Loaded
from bench.load.streams import NAME, Streamed
from bench.workloads import make_workload


def frames(raw: bytes) -> list[tuple[int, int, int, bytes]]:
    """Return kind, flags, stream and body of each frame."""
    found = []
    while raw:
        size = int.from_bytes(raw[:3], "big")
        found.append((raw[3], raw[4], int.from_bytes(raw[5:9], "big"), raw[9 : 9 + size]))
        raw = raw[9 + size :]
    return found


def test_a_call_is_a_header_block_and_its_message_on_one_stream() -> None:
    body = b"x" * LARGEST_FRAME + MARK + b"y" * 100
    written = unary_template(head("here:1", "/a/b", "http"), body).write(b"\0\0\0\7", 42)
    first, *rest = frames(bytes(written))
    assert first[0] == HEADERS
    fields: list[Any] = list(Decoder().decode(first[3]))
    assert (":path", "/a/b") in fields
    assert {stream for _, _, stream, _ in (first, *rest)} == {7}
    assert [flags for _, flags, _, _ in rest] == [0, 1]
    assert b"".join(one for *_, one in rest) == message(body.replace(MARK, name_of(42)))


def test_a_message_on_an_open_stream_does_not_end_it() -> None:
    made = message_template(b"hello")
    assert [flags for _, flags, _, _ in frames(bytes(made.write(b"\0\0\0\1", 1)))] == [0]
    assert made.weight == 10


def test_the_parts_of_a_message_with_the_name_of_a_call_between_are_what_is_written() -> None:
    made = message_template(b"a" + MARK + b"b" + MARK)
    assert name_of(7).join(made.parts(b"\0\0\0\5")) == bytes(made.write(b"\0\0\0\5", 7))


class Said(Socket):
    """A socket from which *pieces* come."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = iter(pieces)

    def read(self) -> bytes | None:
        return next(self.pieces, None)


def test_answers_of_a_stream_are_taken_before_the_rest_of_their_frame_is_there() -> None:
    def answer(call: int) -> bytes:
        return message(NAME + name_of(call) + b" yes")

    tally = Tally(Load("", "", [b""], [[b"yes"]]))
    said = frame(SETTINGS, 0, 0, b"") + frame(DATA, 0, 1, b"".join(map(answer, range(4))))
    said += frame(PING, 0, 0, b"8 bytes.") + frame(DATA, 0, 1, answer(4))
    template = message_template(NAME + MARK)
    seen = []
    one = Streamed(Said(said[at : at + 7] for at in range(0, len(said), 7)), [template], tally, b"")
    for call in range(5):
        one.ask(0, call, 0)
    while one.read(1) and one.finished < 5:
        seen.append((one.finished, tally.done))
    assert (one.finished, tally.wrong, tally.done) == (5, 0, 5)
    assert (1, 1) in seen
    assert (3, 3) in seen
    cut = Streamed(Said([frame(DATA, END_STREAM, 1, b"")]), [template], tally, b"")
    cut.ask(0, 9, 0)
    assert cut.read(1)
    assert tally.problem == "the stream ended"


def test_a_decision_saves_at_most_what_a_call_costs() -> None:
    assert possible(6.0, 2.0) == 1.5
    assert possible(6.0, 0.0) == 1.0


def test_names_of_calls_differ_and_look_like_no_number() -> None:
    names = [name_of(number) for number in range(2000)]
    assert len(set(names)) == len(names)
    assert all(len(one) == len(MARK) and one.isalpha() for one in names)


def test_an_http_response_is_whole_when_its_body_is() -> None:
    sized = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    assert whole_body(sized) == b"abc"
    assert [whole_body(sized[:end]) for end in range(len(sized))] == [None] * len(sized)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert b"abc" in (whole_body(chunked) or b"")
    assert whole_body(chunked[:-2]) is None
    assert bytes(http1_template("h:1", "/p", b"{}").write(b"", 1)).endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize("kind", ["poisson", "uniform"])
def test_arrivals_are_drawn_ahead_at_the_rate(kind: str) -> None:
    load = Load("", "", [], [], rate=10_000.0, arrivals=kind)  # type: ignore[arg-type]
    dues = arrivals(load, 1_000_000_000)
    assert len(dues) == 10_000
    assert dues == sorted(dues)
    assert dues == arrivals(load, 1_000_000_000)
    gaps = [after - before for before, after in pairwise(dues)]
    assert mean(gaps) == pytest.approx(100_000, rel=0.05)
    assert (len(set(gaps)) < 3) == (kind == "uniform")


def test_peers_get_the_same_rules() -> None:
    workload = make_workload(30)
    text = opa.module_text(workload)
    assert text.count("deny contains") == 30
    assert all(f'deny contains "{rule.full_name}" if' in text for rule in workload.rules)
    policy = cerbos.policy_of("t00001", workload.tenants["t00001"])["resourcePolicy"]
    assert policy["scope"] == "t00001"
    assert [rule["name"] for rule in policy["rules"][:-1]] == [
        rule.name for rule in workload.tenants["t00001"]
    ]
    assert policy["rules"][-1]["effect"] == "EFFECT_ALLOW"


def test_conditions_are_written_in_rego() -> None:
    assert opa.condition('!("a" in user.roles)') == 'not "a" in input.user.roles'
    assert opa.condition('context.topics.exists(t, t in ["a", "b"])') == (
        'some t in input.context.topics; t in {"a", "b"}'
    )
    assert opa.condition('context.region in ["eu"]') == 'input.context.region in {"eu"}'
    assert opa.condition("session.turn > 3") == "input.session.turn > 3"


def test_the_oracle_knows_what_peers_must_answer() -> None:
    workload = make_workload(100)
    expected = expected_of(workload)
    assert {action for action, _ in expected} == {"allow", "deny"}
    for (action, names), proof, other in zip(
        expected, opa.proofs(expected), cerbos.rest_proofs(expected), strict=True
    ):
        assert (b'"result":[]' in proof[0]) == (action == "allow")
        assert all(name.encode() in proof[0] for name in names if action == "deny")
        assert action.upper().encode() in other[0]


def test_an_answer_of_cerbos_holds_its_proof() -> None:
    for action, effect in (("allow", cerbos.ALLOW), ("deny", cerbos.DENY)):
        made = CLASSES["Response"]()
        made.results.add().actions.add(key="decide", value=effect)
        raw = made.SerializeToString()
        assert cerbos.grpc_proofs([(action, ())])[0][0] in raw
        assert effect_of(raw) == effect


def shot(
    per_second: float, foreign: float, number: int, stolen: float = 0.0, slow: float = 0.0
) -> Shot:
    """Return a shot of which only this is looked at."""
    told = Loaded(
        asked=1, answered=1, per_second=per_second, p50=1, p90=1, p99=1, p999=1, worst=1, wrong=0,
        problem="", lost=False, own_us=1, busy=1, held=0, held_ms=0, tail_held=0, ahead=False,
        samples=[],
    )  # fmt: skip
    return Shot(told, 1.0, foreign, stolen, slow, ahead=False, rate=0.0, number=number)


def test_undisturbed_rounds_count_where_there_are_any() -> None:
    mixed = Figure([shot(100, 0.0, 0), shot(10, 1.0, 1), shot(102, 0.1, 2)])
    assert mixed.per_second == 101
    assert mixed.quiet == "2 of 3"
    noisy = Figure([shot(100, 1.0, 0), shot(10, 1.0, 1), shot(102, 0.5, 2)])
    assert noisy.per_second == 100
    assert noisy.quiet == "none; others had 1.00 cores"
    stolen = Figure([shot(100, 0.0, 0, stolen=0.5), shot(10, 0.0, 1)])
    assert stolen.per_second == 10
    assert stolen.quiet == "1 of 2"
    assert Figure(stolen.shots[:1]).quiet == "none; others had 0.00 cores, 0.50 were stolen"
    slow = Figure([shot(100, 0.0, 0), shot(10, 0.0, 1, slow=0.25)])
    assert slow.per_second == 100
    assert slow.quiet == "1 of 2"
    assert Figure(slow.shots[1:]).quiet == "none; others had 0.00 cores, slow for 25%"


def test_ratios_are_within_a_round() -> None:
    ours = Figure([shot(100, 0.0, 0), shot(50, 0.0, 1), shot(900, 1.0, 2)])
    theirs = Figure([shot(10, 0.0, 0), shot(5, 0.0, 1), shot(1, 1.0, 2)])
    assert ratio(ours, theirs, rate_of) == 10
