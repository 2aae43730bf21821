"""The settings of `grpc.limits`: what they may be, and that a running door heeds them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import msgspec
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes

from engine.daemon.config import OPTIONS, load_settings
from engine.daemon.options import ConfigError
from engine.daemon.settings_grpc import OF_A_CONNECTION, GrpcLimits, bounds_of
from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.listener import Tls
from engine.doors.http2.limits import Limits
from engine.wire import engine_pb2 as wire
from tests.daemon.running import daemon
from tests.doors.grpc.authority import Authority
from tests.doors.grpc.serving import Daemon, ask, decide, refused, serve
from tests.service.bundle import write_folder

DECIDE = "/engine.v1.PolicyEngine/Decide"


def settings(**limits: int) -> GrpcLimits:
    flags = {f"grpc.limits.{name}": str(value) for name, value in limits.items()}
    return load_settings(None, {}, flags).grpc.limits


@contextmanager
def limited(**limits: int) -> Iterator[Daemon]:
    bounds = bounds_of(settings(**limits), 1 << 20)
    with serve(transport="lean", bounds=bounds) as made:
        yield made


def connected(made: Daemon) -> socket.socket:
    host, _, port = made.address.rpartition(":")
    return socket.create_connection((host, int(port)), 20)


def ended(found: socket.socket) -> bool:
    """Return whether the server hangs up, whatever it says before."""
    try:
        while found.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def test_the_defaults_are_those_of_the_server() -> None:
    assert bounds_of(GrpcLimits(), Bounds().message_bytes) == Bounds()


def test_every_limit_of_a_connection_is_a_setting_or_a_rate_that_is_earned() -> None:
    mine = {"resets_earned", "earned", "told"}
    assert set(OF_A_CONNECTION) | mine == {one.name for one in fields(Limits)}
    every = {
        name: 70_000 if name.endswith("_bytes") else 77 for name in GrpcLimits.__struct_fields__
    }
    made = bounds_of(msgspec.convert(every, GrpcLimits), 5)
    assert {getattr(made.connection, name) for name in OF_A_CONNECTION} == {70_000, 77}
    assert (made.message_bytes, made.held_bytes, made.calls) == (5, 77 << 20, 77)
    assert (made.connections, made.handshakes, made.handshake_seconds) == (77, 77, 77)
    assert made.request_seconds == 77


@pytest.mark.parametrize(
    ("name", "value"),
    [("frame_bytes", "16383"), ("connection_bytes", "65535"), ("streams", "0"), ("calls", "many")],
)
def test_a_limit_that_cannot_be_is_told_with_what_can(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"`grpc.limits.{name}` must be a whole number from"):
        load_settings(None, {}, {f"grpc.limits.{name}": value})


def test_a_connection_may_send_what_a_call_may() -> None:
    with pytest.raises(ConfigError, match=r"is less than `grpc.limits.window_bytes`"):
        settings(connection_bytes=100_000)
    assert settings(connection_bytes=100_000, window_bytes=50_000).window_bytes == 50_000


def test_every_limit_says_what_it_is_for() -> None:
    named = [one for one in OPTIONS.values() if one.name.startswith("grpc.limits.")]
    assert len(named) == len(GrpcLimits.__struct_fields__)
    assert all(one.doc for one in named)


def test_clients_are_told_what_they_may() -> None:
    with limited(streams=7, frame_bytes=20_000, window_bytes=100_000) as made:
        peer = H2Connection(H2Configuration(client_side=True))
        peer.initiate_connection()
        with connected(made) as found:
            found.sendall(peer.data_to_send())
            while peer.remote_settings.max_concurrent_streams != 7:
                peer.receive_data(found.recv(4096))
        told = peer.remote_settings
        assert told[SettingCodes.MAX_FRAME_SIZE] == 20_000
        assert told[SettingCodes.INITIAL_WINDOW_SIZE] == 100_000


def test_metadata_beyond_the_limit_is_refused_with_the_limit() -> None:
    with limited(header_bytes=2_000) as made, grpc.insecure_channel(made.address) as found:
        channel: Any = found
        method = channel.unary_unary(DECIDE)
        error = refused(lambda: method(b"", metadata=(("x", "y" * 2_000),), timeout=10))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.details() == "metadata of more than 2,000 bytes"
        assert decide(channel, ask()).action == wire.ACTION_ALLOW


def test_one_connection_too_many_is_closed() -> None:
    with limited(connections=1) as made, grpc.insecure_channel(made.address) as channel:
        decide(channel, ask())
        with connected(made) as found:
            assert ended(found)
        decide(channel, ask())


def test_a_flood_beyond_the_limit_ends_its_connection() -> None:
    with limited(idle_frames=10, idle_frames_a_second=0) as made, connected(made) as found:
        peer = H2Connection(H2Configuration(client_side=True))
        peer.initiate_connection()
        for _ in range(30):
            peer.ping(b"12345678")
        with suppress(ConnectionError):
            found.sendall(peer.data_to_send())
        assert ended(found)


@pytest.mark.slow
def test_who_stalls_is_hung_up_on_after_the_time_that_is_set() -> None:
    with limited(preface_seconds=1) as made, connected(made) as found:
        assert ended(found)


@pytest.mark.slow
def test_a_handshake_ends_after_the_time_that_is_set() -> None:
    pair = Authority().issue()
    bounds = bounds_of(settings(handshake_seconds=1), 1 << 20)
    tls = Tls(pair.certificate, pair.key)
    with serve(transport="lean", bounds=bounds, tls=tls) as made, connected(made) as found:
        found.sendall(b"\x16\x03\x01")
        assert ended(found)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_daemon_heeds_what_its_settings_say(tmp_path: Path, workers: str) -> None:
    write_folder(tmp_path / "policies", {"door.pol": "policy door { default allow }"})
    given = (
        "grpc.listen=127.0.0.1:0",
        "metrics.listen=",
        "grpc.limits.header_bytes=1024",
        f"workers={workers}",
    )
    flags = [part for one in given for part in ("--set", one)]
    with daemon(tmp_path, *flags) as running, grpc.insecure_channel(running.address) as found:
        channel: Any = found
        method = channel.unary_unary(DECIDE)
        error = refused(lambda: method(b"", metadata=(("x", "y" * 1_024),), timeout=10))
        assert error.details() == "metadata of more than 1,024 bytes"


def ticks(pid: int) -> int:
    """Return how much processor time *pid*, and what it has started, has had."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += sum(ticks(int(one)) for one in (task / "children").read_text().split())
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return found + int(words[11]) + int(words[12])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc")
@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_daemon_that_polls_goes_on_looking(tmp_path: Path, workers: str) -> None:
    write_folder(tmp_path / "policies", {"door.pol": "policy door { default allow }"})
    given = (
        "grpc.listen=127.0.0.1:0",
        "metrics.listen=",
        "grpc.busy_poll_microseconds=1000000",
        f"workers={workers}",
    )
    flags = [part for one in given for part in ("--set", one)]
    with daemon(tmp_path, *flags) as running, grpc.insecure_channel(running.address) as channel:
        enough, polled = os.sysconf("SC_CLK_TCK") // 5, 0
        for _ in range(20):
            decide(channel, ask())
            before, until, polled = ticks(running.process.pid), monotonic() + 1, 0
            while monotonic() < until and polled < enough:
                polled = ticks(running.process.pid) - before
            if polled >= enough:
                break
        # In the second after a decision, a daemon that sleeps has a hundredth of one.
        assert polled >= enough
