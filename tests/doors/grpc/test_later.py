from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from engine.doors.grpc.later import hear, or_say_why
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.open_calls import WAITS
from engine.doors.grpc.server import Door
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import TooLate
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.service.asking import Undecided
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import Channel, in_time, make_door, run
from tests.service.bundle import SECRET
from tests.service.shelf import NESTED, POLICIES, Shelf

ENGINE = "/engine.v1.PolicyEngine/"
PATIENCE = 60


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "talk.pol").write_text(POLICIES)
        return load_folder(Path(folder), Recipe(SECRET))


class Slow(Shelf):
    """A shelf that answers when it is told to, and tells when it was asked."""

    def __init__(self) -> None:
        super().__init__({}, seconds=PATIENCE)
        self.reached = threading.Semaphore(0)

    def ask(self, questions):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        made = super().ask(questions)
        self.reached.release()
        return made


@contextmanager
def served(policies: PolicySet, shelf: Shelf) -> Iterator[Channel]:
    """Serve *policies* with the classifiers of *shelf*; give a channel."""
    gate = Gate(MemoryStore(), secret=SECRET, classifiers=shelf)
    gate.swap(policies)

    async def start() -> tuple[Door, str]:
        door = await make_door(Service(gate, "0"), (Listener("127.0.0.1:0"),))
        (address,) = await door.start()
        return door, address

    door, address = run(start())
    try:
        with grpc.insecure_channel(address) as channel:
            yield channel
    finally:
        run(door.drain(0))


def request(text: str, name: str = "") -> wire.DecideRequest:
    made = wire.DecideRequest(request_id=name or text, stage=wire.STAGE_REQUEST, content=text)
    made.tenant_id, made.user_id = "north", "u1"
    return made


def call(channel: Channel, method: str, message, answer, **options: object):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    made = channel.unary_unary(
        ENGINE + method, message.__class__.SerializeToString, answer.FromString
    )
    return made(message, **{"timeout": PATIENCE, **options})


def test_a_decision_and_an_explanation_wait_for_classifiers(policies: PolicySet) -> None:
    with served(policies, Shelf({"rude": 0.95, "kind": 0.1})) as channel:
        rude = call(channel, "Decide", request("rude"), wire.Decision)
        assert rude.effective_action == wire.ACTION_DENY
        kind = call(channel, "Decide", request("kind"), wire.Decision)
        assert kind.effective_action == wire.ACTION_ALLOW
        why = call(channel, "Explain", request("rude"), wire.Explanation)
        assert why.decision.effective_action == wire.ACTION_DENY


def test_a_batch_keeps_its_order_though_some_wait(policies: PolicySet) -> None:
    batch = wire.DecideBatchRequest(
        requests=[request("rude"), request("card"), wire.DecideRequest(), request("kind")]
    )
    with served(policies, Shelf({"rude": 0.95, "kind": 0.1})) as channel:
        made = call(channel, "DecideBatch", batch, wire.DecideBatchResponse).decisions
    assert [one.request_id for one in made] == ["rude", "card", "", "kind"]
    assert [one.effective_action for one in made] == [
        wire.ACTION_DENY,
        wire.ACTION_DENY,
        wire.ACTION_DENY,
        wire.ACTION_ALLOW,
    ]
    assert [one.HasField("error") for one in made] == [False, False, True, False]


def stream(channel: Channel, requests: Iterator[wire.DecideRequest]) -> Iterator[wire.Decision]:
    call = channel.stream_stream(
        ENGINE + "DecideStream", wire.DecideRequest.SerializeToString, wire.Decision.FromString
    )
    found: Iterator[wire.Decision] = call(requests, timeout=PATIENCE)
    return found


def test_on_a_stream_what_waits_is_overtaken(policies: PolicySet) -> None:
    shelf = Slow()
    more = threading.Semaphore(0)

    def requests() -> Iterator[wire.DecideRequest]:
        yield request("slow")
        yield request("card", "first")
        more.acquire(timeout=PATIENCE)
        shelf.futures[0].set_result(0.95)

    with served(policies, shelf) as channel:
        answers = stream(channel, requests())
        assert next(answers).request_id == "first"
        more.release()
        (last,) = answers
    assert last.request_id == "slow"
    assert last.effective_action == wire.ACTION_DENY


def test_a_stream_reads_on_only_when_not_too_many_wait(policies: PolicySet) -> None:
    shelf = Shelf({f"t{number}": 0.1 for number in range(WAITS * 2)})
    requests = [request(f"t{number}") for number in range(WAITS * 2)]
    with served(policies, shelf) as channel:
        found = {one.request_id for one in stream(channel, iter(requests))}
    assert found == {one.request_id for one in requests}


def test_a_caller_that_has_gone_leaves_no_decision(policies: PolicySet) -> None:
    shelf = Slow()
    with served(policies, shelf) as channel:
        decide = channel.unary_unary(
            ENGINE + "Decide", wire.DecideRequest.SerializeToString, wire.Decision.FromString
        )
        gone = decide.future(request("slow"), timeout=PATIENCE)
        assert shelf.reached.acquire(timeout=PATIENCE)
        gone.cancel()
        answers = stream(channel, iter([request("slow too")]))
        assert shelf.reached.acquire(timeout=PATIENCE)
        answers.cancel()  # type: ignore[attr-defined]
        # The door goes on for others.
        assert call(channel, "Decide", request("card"), wire.Decision).effective_action


def test_the_callers_deadline_leaves_time_for_on_failure(policies: PolicySet) -> None:
    with served(policies, Shelf({}, seconds=PATIENCE)) as channel:
        found = in_time(
            lambda left: call(channel, "Decide", request("silence"), wire.Decision, timeout=left)
        )
    assert found.effective_action == wire.ACTION_ESCALATE
    assert "the caller's deadline" in found.reasons[0].failure


def test_past_the_deadline_nothing_is_decided(policies: PolicySet) -> None:
    gate = Gate(MemoryStore(), secret=SECRET, classifiers=Shelf({"rude": 0.9}))
    gate.swap(policies)
    begun = gate.begin(
        {"tenant": {"id": "n"}, "user": {"id": "u"}, "stage": "request", "content": "rude"}
    )
    assert isinstance(begun, Undecided)
    with pytest.raises(TooLate):
        run(hear(begun, lambda: -1.0))


def test_an_explanation_waits_again_when_an_answer_raises_a_question(tmp_path: Path) -> None:
    (tmp_path / "p.pol").write_text(NESTED)
    shelf = Shelf({"deep": 1.0})
    with served(load_folder(tmp_path, Recipe(SECRET)), shelf) as channel:
        why = call(channel, "Explain", request("deep"), wire.Explanation)
    assert why.decision.effective_action == wire.ACTION_DENY
    assert [one.classifier for one in shelf.asked] == ["gate", "inner"]


def test_a_failure_beside_others_becomes_a_decision_that_carries_it() -> None:
    async def fail(_left: object) -> bytes:
        raise TooLate

    async def answer() -> bytes:
        raw = wire.DecideRequest(request_id="r1").SerializeToString()
        return await or_say_why(raw, fail)(lambda: None)

    made = wire.Decision.FromString(run(answer()))
    assert made.request_id == "r1"
    assert made.HasField("error")
    assert made.effective_action == wire.ACTION_DENY
