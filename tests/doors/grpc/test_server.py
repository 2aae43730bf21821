"""Listening, health, reflection, readiness, deadlines, draining."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from time import sleep

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from engine.doors.grpc.addresses import ListenError
from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.methods import BATCH_LIMIT, METHODS
from engine.doors.grpc.open_calls import Drained, Stream
from engine.doors.grpc.service import Reload, Service
from engine.language.diagnostics import Diagnostic
from engine.language.text import Span
from engine.runtime.memory import MemoryStore
from engine.service.gate import Gate
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.reviewing import until
from tests.doors.grpc.serving import (
    PATIENCE,
    SECRET,
    Channel,
    Daemon,
    ask,
    call,
    decide,
    decide_stream,
    loop,
    make_door,
    make_gate,
    policies,
    refused,
    run,
    serve,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(channel: Channel, service: str) -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    raw = call(channel, "grpc.health.v1.Health/Check", request)
    return int(health_pb2.HealthCheckResponse.FromString(raw).status)


def test_every_method_of_the_protocol_is_in_the_table() -> None:
    services = wire.DESCRIPTOR.services_by_name.values()
    assert {each.full_name: [*each.methods_by_name] for each in services} == {
        name: [*methods] for name, methods in METHODS.items()
    }


def test_nothing_is_decided_before_policies_are_loaded() -> None:
    with serve(ready=False) as daemon, grpc.insecure_channel(daemon.address) as channel:
        for method in ("PolicyEngine/Decide", "PolicyEngine/Explain"):
            error = refused(partial(call, channel, method, ask()))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert error.details() == "no policies are loaded yet"
        assert health(channel, "") == NOT_SERVING
        assert health(channel, "engine.v1.PolicyEngine") == NOT_SERVING
        assert health(channel, "engine.v1.Admin") == SERVING
        loop().call_soon_threadsafe(daemon.gate.swap, policies())
        run(daemon.door.show_serving())
        assert health(channel, "") == SERVING
        assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_health_knows_no_other_service(channel: Channel) -> None:
    error = refused(lambda: health(channel, "nobody"))
    assert error.code() is grpc.StatusCode.NOT_FOUND


def reflected(channel: Channel) -> set[str]:
    method = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = method(iter([asked]), timeout=PATIENCE)
    return {each.name for each in answer.list_services_response.service}


def test_reflection_names_the_services_on_a_local_listener(channel: Channel) -> None:
    assert reflected(channel) >= {
        "engine.v1.PolicyEngine",
        "engine.v1.Admin",
        "grpc.health.v1.Health",
    }


def test_reflection_and_admin_are_off_where_others_can_reach_them() -> None:
    with serve("0.0.0.0:0") as daemon, grpc.insecure_channel(daemon.address) as channel:
        for attempt in (
            lambda: reflected(channel),
            lambda: call(channel, "Admin/GetStatus", b""),
        ):
            error = refused(attempt)
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_reflection_and_admin_can_be_switched() -> None:
    with (
        serve("0.0.0.0:0", reflect=True, admin=True) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        assert "engine.v1.Admin" in reflected(channel)
        assert call(channel, "Admin/GetStatus", b"")
    with serve(reflect=False) as daemon, grpc.insecure_channel(daemon.address) as channel:
        error = refused(lambda: reflected(channel))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_status_says_what_is_served(daemon: Daemon, channel: Channel) -> None:
    status = wire.Status.FromString(call(channel, "Admin/GetStatus", b""))
    assert status.serving
    assert status.version == "1.2.3"
    assert status.revision == daemon.gate.status().revision
    assert (status.policies, status.rules) == (1, 11)
    assert status.loaded_at.ToNanoseconds() == daemon.gate.status().loaded_at
    assert not status.last_error


def test_the_status_of_a_daemon_without_policies_says_so() -> None:
    with serve(ready=False) as daemon, grpc.insecure_channel(daemon.address) as channel:
        status = wire.Status.FromString(call(channel, "Admin/GetStatus", b""))
    assert not status.serving
    assert not status.HasField("loaded_at")


def reload_answer(reload: Reload) -> wire.ReloadResponse:
    with serve(reload=reload) as daemon, grpc.insecure_channel(daemon.address) as channel:
        return wire.ReloadResponse.FromString(call(channel, "Admin/Reload", b""))


def test_a_reload_says_whether_it_was_taken_over() -> None:
    async def accept() -> Sequence[Diagnostic]:
        return ()

    async def refuse() -> Sequence[Diagnostic]:
        span = Span("desk.pol", 5, 6, 3, 2, 3, 3)
        return (
            Diagnostic("E101", "expected a policy", span, help="begin with `policy`"),
            Diagnostic("E102", "expected a name", span),
        )

    accepted, refused = reload_answer(accept), reload_answer(refuse)
    assert accepted.loaded
    assert not accepted.problems
    assert not refused.loaded
    assert refused.revision == accepted.revision != ""
    first, second = refused.problems
    assert (first.code, first.message) == ("E101", "expected a policy")
    assert (first.file, first.line, first.column) == ("desk.pol", 3, 2)
    assert (first.help, second.help) == ("begin with `policy`", "")


def test_a_daemon_with_fixed_policies_cannot_reload(channel: Channel) -> None:
    error = refused(lambda: call(channel, "Admin/Reload", b""))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "fixed" in error.details()


class Counting:
    """An observer of the gate that counts what was decided."""

    def __init__(self) -> None:
        self.count = 0

    def decided(self, *_about: object) -> None:
        self.count += 1

    def swapped(self, *_about: object) -> None: ...

    def refused(self) -> None: ...

    def failed(self, *_about: object) -> None: ...

    def settled(self, decision_id: str, *, found: bool) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("method", ["Decide", "DecideBatch"])
def test_what_is_past_its_deadline_is_not_decided(method: str) -> None:
    counting = Counting()
    gate = Gate(MemoryStore(), secret=SECRET, observer=counting)
    gate.swap(policies())
    door = run(make_door(Service(gate, ""), (Listener("127.0.0.1:0"),)))
    alone = [("grpc.use_local_subchannel_pool", 1)]
    with Daemon(gate, door) as daemon, grpc.insecure_channel(daemon.address) as channel:
        busy, held = Event(), Event()

        def hold() -> None:
            busy.set()
            held.wait(PATIENCE)

        with grpc.insecure_channel(daemon.address, options=alone) as hurried:
            decide(hurried, ask())
            loop().call_soon_threadsafe(hold)  # the daemon is busy until its caller gave up
            assert busy.wait(PATIENCE)
            message = ask() if method == "Decide" else wire.DecideBatchRequest(requests=[ask()])
            error = refused(lambda: call(hurried, f"PolicyEngine/{method}", message, timeout=0.1))
        while connected(daemon.address):  # and until the daemon's machine has heard all of it
            sleep(0.001)
        held.set()
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        decide(channel, ask())
        assert counting.count == 2


def connected(address: str) -> bool:
    """Return whether any caller has not closed its connection to *address* yet."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(local.endswith(port) and state == "01" for _, local, _, state, *_ in rows)


def test_a_batch_stops_when_its_deadline_is_over() -> None:
    counting = Counting()
    gate = Gate(MemoryStore(), secret=SECRET, observer=counting)
    gate.swap(policies())
    door = run(make_door(Service(gate, ""), (Listener("127.0.0.1:0"),)))
    slow = ask(content="ann@example.com " * 200)
    batch = wire.DecideBatchRequest(requests=[slow] * BATCH_LIMIT)
    with Daemon(gate, door) as daemon, grpc.insecure_channel(daemon.address) as channel:
        decide(channel, ask())
        method = partial(call, channel, "PolicyEngine/DecideBatch", batch, timeout=0.02)
        assert refused(method).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        decide(channel, ask())
    assert counting.count < BATCH_LIMIT


@pytest.mark.slow
def test_a_stream_past_its_deadline_ends(channel: Channel) -> None:
    held = Event()

    def messages() -> Iterator[bytes]:
        held.wait(PATIENCE)
        yield from ()

    answers = decide_stream(channel, messages(), timeout=0.1)
    error = refused(lambda: next(answers))
    held.set()
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_draining_ends_idle_streams_and_refuses_new_calls() -> None:
    with serve() as daemon, grpc.insecure_channel(daemon.address) as channel:
        release = Event()

        def messages() -> Iterator[bytes]:
            yield ask(request_id="first").SerializeToString()
            release.wait(PATIENCE)

        answers = decide_stream(channel, messages())
        assert wire.Decision.FromString(next(answers)).request_id == "first"
        decide(channel, ask())  # after this the stream waits for its next request
        run(daemon.door.drain(PATIENCE))
        error = refused(lambda: next(answers))
        release.set()
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "stopping" in error.details()
        run(daemon.door.wait())


def test_a_stream_that_answers_while_draining_ends_after_its_answer() -> None:
    async def answer() -> None:
        stream = Stream(None)
        stream.go_on(draining=False)
        stream.end_idle()  # it is not idle
        with pytest.raises(Drained):
            stream.go_on(draining=True)

    run(answer())


def test_draining_answers_what_is_under_way() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow() -> Sequence[Diagnostic]:
        entered.set()
        await leave.wait()
        return ()

    with (
        serve(reload=slow) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(call, channel, "Admin/Reload", b"", PATIENCE)
        run(entered.wait())
        draining = asyncio.run_coroutine_threadsafe(daemon.door.drain(PATIENCE), loop())
        loop().call_soon_threadsafe(leave.set)
        assert wire.ReloadResponse.FromString(answer.result(PATIENCE)).loaded
        draining.result(PATIENCE)


def test_a_stream_that_is_cancelled_leaves_nothing_behind(daemon: Daemon, channel: Channel) -> None:
    release = Event()

    def messages() -> Iterator[bytes]:
        yield ask().SerializeToString()
        release.wait(PATIENCE)

    answers = decide_stream(channel, messages())
    next(answers)
    assert daemon.door._handlers.open_streams == 1
    answers.cancel()
    release.set()
    until(lambda: daemon.door._handlers.open_streams == 0)
    assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        door = run(make_door(Service(Gate(MemoryStore(), secret=SECRET), ""), (Listener(address),)))
        with pytest.raises(ListenError, match=f"cannot listen on {address}: it is in use"):
            run(door.start())


def test_a_live_socket_is_not_taken_away(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    with serve(address) as first:
        with pytest.raises(ListenError, match="in use by another process"), serve(address):
            pass
        with grpc.insecure_channel(first.address) as channel:
            assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_a_socket_that_a_killed_daemon_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with serve(f"unix://{path}") as daemon, grpc.insecure_channel(daemon.address) as channel:
        assert decide(channel, ask()).action == wire.ACTION_ALLOW


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("unix:///run/engine.sock", True),
        ("unix:engine.sock", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.0.2.1:1", False),
        ("engine.example:1", False),
    ],
)
def test_which_addresses_only_this_machine_can_reach(address: str, *, local: bool) -> None:
    assert Listener(address).local is local


CERTIFICATE = (Path(__file__).parent / "localhost.crt").read_bytes()
KEY = (Path(__file__).parent / "localhost.key").read_bytes()


@pytest.mark.parametrize("mutual", [False, True])
def test_a_listener_speaks_tls(*, mutual: bool) -> None:
    tls = Tls(CERTIFICATE, KEY, CERTIFICATE if mutual else None)
    gate = make_gate()
    door = run(make_door(Service(gate, ""), (Listener("127.0.0.1:0", tls),)))
    pair = (KEY, CERTIFICATE) if mutual else (None, None)
    credentials = grpc.ssl_channel_credentials(CERTIFICATE, *pair)
    with (
        Daemon(gate, door) as daemon,
        grpc.secure_channel(daemon.address, credentials) as channel,
    ):
        assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_the_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(Tls(CERTIFICATE, KEY))
