"""A daemon that keeps reviews and those who ask it about them, for the tests of doors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.service.watcher import Watcher
from engine.storage.reviews_sqlite import SqliteReviews
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import PATIENCE, Channel, Daemon, ask, decide


class Place:
    """A daemon that keeps reviews, and a caller; with a *token* a reviewer."""

    def __init__(self, daemon: Daemon, channel: Channel, token: str = "") -> None:
        assert daemon.gate.reviews is not None
        self.reviews = daemon.gate.reviews
        self.daemon = daemon
        self.channel = channel
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    @property
    def watcher(self) -> Watcher:
        assert self.daemon.desk is not None
        return self.daemon.desk.watcher

    def by(self, token: str) -> Place:
        """Return the same place for who has *token*."""
        return Place(self.daemon, self.channel, token)

    def pay(self, amount: int = 600, **fields: Any) -> wire.Decision:
        """Ask whether a refund may be paid: over 500 a person must look."""
        given = {
            "stage": wire.STAGE_TOOL_CALL,
            "tool": wire.Tool(name="refund", args_json=b'{"to": "ann"}'),
            "context_json": b'{"amount": %d}' % amount,
        }
        return decide(self.channel, ask(**{**given, **fields}))

    def call(self, name: str, message: Any) -> bytes:
        method = self.channel.unary_unary(f"/engine.v1.PolicyEngine/{name}")
        answer: bytes = method(
            message.SerializeToString(), timeout=PATIENCE, metadata=self._metadata
        )
        return answer

    def act(self, name: str, message: Any) -> wire.Review:
        return wire.Review.FromString(self.call(f"{name}Review", message))

    def history(self, review_id: str) -> list[wire.ReviewDeed]:
        raw = self.call("GetReviewHistory", wire.GetReviewHistoryRequest(review_id=review_id))
        return list(wire.ReviewHistory.FromString(raw).deeds)

    def get(self, review_id: str, *, full: bool = False) -> wire.Review:
        return self.act("Get", wire.GetReviewRequest(review_id=review_id, full=full))

    def watch(self, review_id: str, left: float = PATIENCE) -> Iterator[wire.Review]:
        message = wire.WaitReviewRequest(review_id=review_id)
        return watch(self.channel, message, left, self._metadata)

    def wait(
        self, review_id: str, seconds: float | None = None, left: float = PATIENCE
    ) -> wire.Review:
        message = wire.WaitReviewRequest(review_id=review_id)
        if seconds is not None:
            message.timeout.FromNanoseconds(int(seconds * 1e9))
        return [*watch(self.channel, message, left, self._metadata)][-1]

    def resolve(self, review_id: str, state: Any, **fields: Any) -> wire.Review:
        reviewer = {} if self._metadata else {"reviewer": "bob"}
        message = wire.ResolveReviewRequest(
            **{"review_id": review_id, "state": state, **reviewer, **fields}
        )
        return self.act("Resolve", message)

    def list(self, **fields: Any) -> wire.ListReviewsResponse:
        raw = self.call("ListReviews", wire.ListReviewsRequest(**fields))
        return wire.ListReviewsResponse.FromString(raw)


def watch(
    channel: Channel, message: wire.WaitReviewRequest, left: float, metadata: Any = ()
) -> Iterator[wire.Review]:
    """Yield how a review stands whenever that changes."""
    method = channel.unary_stream(
        "/engine.v1.PolicyEngine/WaitReview",
        wire.WaitReviewRequest.SerializeToString,
        wire.Review.FromString,
    )
    found: Iterator[wire.Review] = method(message, timeout=left, metadata=metadata)
    return found


def reviews_in(folder: Path, **more: Any) -> Reviews:
    return Reviews(SqliteReviews(folder / "reviews.db"), NoRecorder(), time.time_ns, **more)


def until(condition: Callable[[], bool]) -> None:
    """Ask *condition* until it holds: another thread makes it so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
