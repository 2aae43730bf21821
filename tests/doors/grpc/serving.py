"""A real gate with a small policy folder behind a real door, for the tests of doors and clients.

grpc.aio wants one event loop a process, so everything asynchronous of all tests runs in one loop,
in a thread of its own: ``run`` sends it a coroutine and waits.
"""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeVar

import grpc
import pytest

from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.server import Door, Transport
from engine.doors.grpc.service import Reload, Service
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, load_folder
from engine.service.desk import Desk
from engine.service.gate import Gate
from engine.service.reviewers import Reviewers
from engine.service.reviews import Reviews
from engine.wire import engine_pb2 as wire

PATIENCE = 60.0
"""Seconds after which a test says that something never came."""
T = TypeVar("T")

Channel = Any
"""grpc.Channel, for which the published stubs ask arguments that it does not."""

chosen: Transport = "lean"
"""The server over which doors are built; the fixture of these tests sets it."""

SECRET = b"the tests' own secret, 32 bytes!"

POLICIES = """
package desk

schema {
  tenant.plan:     "free" | "pro"?
  user.clearance:  int?
  context.purpose: string?
  context.amount:  decimal?
  context.note:    text?
}

policy guard "The front desk" {
  default allow

  # The word is never spoken.
  rule no_word {
    when content contains "forbidden"
    then deny "that word is not spoken here"
    severity high
    tags "desk:word", "test"
    owner "desk"
  }
  rule mask {
    when content has pii.email
    then redact pii.email as label
  }
  rule arguments {
    when stage == "tool_call" and tool.name == "mail"
    then redact pii.email in tool.args as label
  }
  rule notes {
    when context.note is present
    then redact pii.email in context.note as label
  }
  rule refunds {
    when stage == "tool_call" and (context.amount ?? 0) > 500
    then escalate to "money" within 15m
  }
  rule fair {
    when user.id == "flood"
    then throttle 2 requests per 1m by user.id
  }
  rule budget {
    when user.id == "spender"
    then throttle 1000 tokens per calendar day by user.id
  }
  rule few {
    when user.id == "busy" and stage in {"request", "tool_call"}
    then throttle 1 concurrent by user.id, stage for 10m
  }
  rule watched {
    when content contains "watched"
    then deny "somebody watches"
    mode shadow
  }
  rule small {
    when (tenant.plan ?? "pro") == "free"
    then allow
    advise route = "small"
  }
  rule taint {
    when content contains "taint"
    then allow
    label session "tainted"
  }
}
"""


@functools.cache
def loop() -> asyncio.AbstractEventLoop:
    """Return the loop in which everything asynchronous runs."""
    made = asyncio.new_event_loop()
    Thread(target=made.run_forever, name="tests-loop", daemon=True).start()
    return made


def run(coroutine: Coroutine[Any, Any, T], timeout: float = 2 * PATIENCE) -> T:
    """Return what *coroutine* returns in the loop."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop()).result(timeout)


@functools.cache
def policies() -> PolicySet:
    """Return the policies above."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "desk.pol").write_text(POLICIES)
        return load_folder(Path(folder), Recipe(SECRET))


def make_gate(*, ready: bool = True) -> Gate:
    """Return a gate with the policies above, or with none."""
    gate = Gate(MemoryStore(), secret=SECRET)
    if ready:
        gate.swap(policies())
    return gate


@dataclass
class Daemon:
    """A door that serves; *addresses* are those of its listeners."""

    gate: Gate
    door: Door
    desk: Desk | None = None
    addresses: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The first address."""
        return self.addresses[0]

    def __enter__(self) -> Self:
        self.addresses = run(self.door.start())
        return self

    def __exit__(self, *_error: object) -> None:
        run(self.door.drain(0))


async def make_door(service: Service, listeners: tuple[Listener, ...], **options: Any) -> Door:
    """Return a door that belongs to the loop."""
    return Door(service, listeners, **{"transport": chosen, **options})


def serve(
    *addresses: str,
    ready: bool = True,
    reload: Reload | None = None,
    reviews: Reviews | None = None,
    reviewers: Reviewers | None = None,
    most_waiting: int = 100,
    trail: Path | None = None,
    tls: Tls | None = None,
    **options: Any,
) -> Daemon:
    """Return a daemon on *addresses*, to be used in a ``with`` statement."""
    gate = make_gate(ready=ready)
    gate.reviews = reviews
    listeners = tuple(Listener(one, tls) for one in addresses or ("127.0.0.1:0",))
    desk = None if reviews is None else Desk(reviews, reviewers, most_waiting, trail)
    service = Service(gate, "1.2.3", reload, desk)
    return Daemon(gate, run(make_door(service, listeners, **options)), desk)


def ask(**fields: Any) -> wire.DecideRequest:
    """Return a request that is complete without *fields*."""
    given = {"tenant_id": "north", "user_id": "u1", "stage": wire.STAGE_REQUEST, "content": "hello"}
    return wire.DecideRequest(**{**given, **fields})


def call(channel: Channel, method: str, message: Any, timeout: float = PATIENCE) -> bytes:
    """Return the bytes that a unary method answers; *message* may be bytes."""
    raw = message if isinstance(message, bytes) else message.SerializeToString()
    path = f"/engine.v1.{method}" if "." not in method.partition("/")[0] else f"/{method}"
    answer: bytes = channel.unary_unary(path)(raw, timeout=timeout, wait_for_ready=True)
    return answer


def decide(channel: Channel, message: wire.DecideRequest | bytes) -> wire.Decision:
    """Return the decision."""
    return wire.Decision.FromString(call(channel, "PolicyEngine/Decide", message))


def decide_stream(channel: Channel, messages: Iterator[bytes], timeout: float = PATIENCE) -> Any:
    """Return the call that answers *messages*."""
    method = channel.stream_stream("/engine.v1.PolicyEngine/DecideStream")
    return method(messages, timeout=timeout)


def refused(failing: Callable[[], object]) -> Any:
    """Return the error of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        failing()
    return caught.value


def in_time(ask: Callable[[float], T]) -> T:
    """Return what *ask* comes to with a deadline in so many seconds, before which it ends.

    A machine that does something else for longer than there is between its end and the deadline
    shows nothing: it is asked again, with more between.
    """
    for seconds in (2, 8, 32):
        try:
            return ask(seconds)
        except grpc.RpcError as error:
            late = (
                isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            )
            if not late:
                raise
    raise AssertionError("the deadline came first")
