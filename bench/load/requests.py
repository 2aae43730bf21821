"""The workload's requests as our daemon reads them, and what its answers must hold."""

from __future__ import annotations

import json
from typing import Any

from bench.load.spec import MARK
from bench.load.streams import NAME
from bench.peers import Closures
from bench.workloads import Workload
from engine.doors.grpc.convert import STAGES
from engine.wire import engine_pb2 as wire

DECIDE = "/engine.v1.PolicyEngine/Decide"
STREAM = "/engine.v1.PolicyEngine/DecideStream"
BATCH = "/engine.v1.PolicyEngine/DecideBatch"
NUMBERS = {name: number for number, name in STAGES.items()}

Expected = tuple[str, tuple[str, ...]]
"""The action, and the names of the rules that led to it."""


def request_of(asked: dict[str, Any], content: str | None = None) -> wire.DecideRequest:
    """Return a request of the workload as it is sent."""
    return wire.DecideRequest(
        request_id=(NAME + MARK).decode(),
        tenant_id=asked["tenant"]["id"],
        user_id=asked["user"]["id"],
        user_roles=asked["user"]["roles"],
        stage=NUMBERS[asked["stage"]],  # type: ignore[arg-type]
        content=asked["content"] if content is None else content,
        attributes_json=json.dumps(
            {
                "tenant": {"plan": asked["tenant"]["plan"]},
                "user": {"clearance": asked["user"]["clearance"]},
            }
        ).encode(),
        context_json=json.dumps(asked["context"]).encode(),
        tool=wire.Tool(name=asked["tool"]["name"]),
        session=wire.Session(turn=asked["session"]["turn"]),
    )


def expected_of(workload: Workload) -> list[Expected]:
    """Return what the rules say to each request, found by plain Python: the oracle."""
    peer = Closures()
    ask = peer.prepare(workload)
    return [peer.answer(ask(number)) for number in range(len(workload.requests))]


def attributes(asked: dict[str, Any]) -> dict[str, Any]:
    """Return a request as peers get it: what the rules look at, and the content."""
    names = ("tenant", "user", "stage", "tool", "session", "context", "content")
    return {name: asked[name] for name in names}
