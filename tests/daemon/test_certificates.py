"""The daemon's port with TLS: who is answered, certificates that are renewed, what is refused."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest

from engine.daemon.places import EXIT_ERROR
from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, daemon, decide, refused
from tests.daemon.test_workers import children
from tests.doors.grpc.authority import Authority, Pair, write_key
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

AUTHORITY = Authority()
SERVER = AUTHORITY.issue()
CLIENT = AUTHORITY.issue("gateway")
REQUEST = wire.DecideRequest(
    tenant_id="north", user_id="u1", stage=wire.STAGE_REQUEST, content="hello"
).SerializeToString()
TRANSPORTS = pytest.mark.parametrize("transport", ["grpcio", "lean"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": "policy door { default allow }"})
    SERVER.write(tmp_path, AUTHORITY.root)
    return tmp_path


def flags(transport: str, *more: str) -> tuple[str, ...]:
    settings = (
        "grpc.listen=127.0.0.1:0",
        "grpc.socket=s",
        f"grpc.transport={transport}",
        "grpc.tls.certificate_file=tls.crt",
        "grpc.tls.key_file=tls.key",
        "metrics.listen=",
        "drain_seconds=1",
        *more,
    )
    return tuple(part for one in settings for part in ("--set", one))


def answered(address: str, root: bytes, own: Pair | None = None) -> bool:
    """Return whether the daemon answers who trusts *root*."""
    pair = (own.key, own.certificate) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(root, *pair)
    with grpc.secure_channel(address, credentials) as made:
        channel: Any = made
        method = channel.unary_unary("/engine.v1.PolicyEngine/Decide")
        try:
            raw = method(REQUEST, timeout=PATIENCE)
        except grpc.RpcError:
            return False
    return wire.Decision.FromString(raw).action == wire.ACTION_ALLOW


def until(condition: Callable[[], bool]) -> None:
    """Ask *condition* until it holds: another process makes it so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


@TRANSPORTS
def test_the_port_speaks_tls_and_the_socket_does_not(folder: Path, transport: str) -> None:
    with daemon(folder, *flags(transport, "grpc.tls.client_ca_file=ca.crt")) as running:
        assert answered(running.address, AUTHORITY.root, CLIENT)
        assert not answered(running.address, AUTHORITY.root)
        assert decide(f"unix://{folder}/s").action == "allow"
        assert running.stop() == 0


@TRANSPORTS
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_renewed_certificate_is_taken_on_sighup(
    folder: Path, transport: str, workers: str
) -> None:
    following = Authority("the next")
    with daemon(folder, *flags(transport, f"workers={workers}")) as running:
        assert answered(running.address, AUTHORITY.root)
        following.issue().write(folder)
        running.send(signal.SIGHUP)
        until(lambda: answered(running.address, following.root))
        until(lambda: running.log().count("a new certificate is shown") == int(workers))


@TRANSPORTS
def test_a_certificate_that_cannot_be_used_changes_nothing_and_one_that_can_is_seen(
    folder: Path, transport: str
) -> None:
    following = Authority("the next")
    renewed = following.issue()
    with daemon(folder, *flags(transport)) as running:
        (folder / "tls.crt").write_bytes(renewed.certificate)
        running.send(signal.SIGHUP)
        until(lambda: "the one before holds" in running.log())
        assert answered(running.address, AUTHORITY.root)
        write_key(folder / "tls.key", renewed.key)  # And nobody says so.
        until(lambda: answered(running.address, following.root))
        assert "PRIVATE" not in running.log()


@TRANSPORTS
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_worker_is_replaced_while_the_certificate_on_the_disk_is_broken(
    folder: Path, transport: str, workers: str
) -> None:
    newest = AUTHORITY.issue()
    more = (f"workers={workers}", "grpc.tls.client_ca_file=ca.crt")
    with daemon(folder, *flags(transport, *more)) as running:
        newest.write(folder, AUTHORITY.root)
        running.send(signal.SIGHUP)
        until(lambda: running.log().count("a new certificate is shown") == int(workers))
        for name in ("s", "s.1")[: int(workers)]:  # What it tells before is heard by then.
            assert decide(f"unix://{folder}/{name}").action == "allow"
        (folder / "tls.crt").write_text("being written")
        (folder / "tls.key").unlink()
        for one in children(running.process.pid):
            os.kill(one, signal.SIGKILL)
        until(lambda: running.log().count("a worker serves again") == int(workers))
        assert answered(running.address, AUTHORITY.root, CLIENT)
        assert not answered(running.address, AUTHORITY.root)
        assert running.log().count("the one before holds") >= int(workers)
        assert shown_by(running.address) == ssl.PEM_cert_to_DER_cert(newest.certificate.decode())
        secret = newest.key.split(b"\n")[1]
        found = [one for one in folder.rglob("*") if one.is_file() and secret in one.read_bytes()]
        assert found == []
        following = AUTHORITY.issue()
        following.write(folder, AUTHORITY.root)
        mended = ssl.PEM_cert_to_DER_cert(following.certificate.decode())
        until(lambda: shown_by(running.address) == mended)
        assert running.stop() == 0


def shown_by(address: str) -> bytes | None:
    """Return the certificate that is shown there."""
    context = ssl.create_default_context(cadata=AUTHORITY.root.decode())
    with TemporaryDirectory() as place:
        files = CLIENT.write(Path(place))
        context.load_cert_chain(files.certificate, files.key)
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as made,
    ):
        return made.getpeercert(binary_form=True)


@TRANSPORTS
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_key_that_is_open_to_others_keeps_the_daemon_from_starting(
    folder: Path, transport: str, workers: str
) -> None:
    (folder / "tls.key").chmod(0o644)
    code, said = refused(folder, *flags(transport, f"workers={workers}"))
    assert code == EXIT_ERROR
    assert said.splitlines()[-1] == (
        "engine: the key file tls.key is open to others; run `chmod 600 tls.key`"
    )


@TRANSPORTS
def test_whoever_listens_for_others_without_tls_is_warned(folder: Path, transport: str) -> None:
    given = ("--set", "grpc.listen=0.0.0.0:0", "--set", "metrics.listen=")
    with daemon(folder, *given, "--set", f"grpc.transport={transport}") as running:
        assert "nothing is encrypted" in running.log()
    running.errors.unlink()
    with daemon(folder, *flags(transport), "--set", "grpc.listen=0.0.0.0:0") as running:
        assert "nothing is encrypted" not in running.log()
