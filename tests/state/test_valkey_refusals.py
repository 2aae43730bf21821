"""What a server refuses, how it is found and entered, and what is said about it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.runtime.store import StoreUnavailable
from engine.state.leases import Leases
from engine.state.remote import Op
from engine.state.valkey import Valkey
from engine.state.valkey_address import Tls, read_url
from tests.ports import free_port
from tests.state.asked import ask, keys, peek, remaining, take
from tests.state.servers import Server
from tests.state.takes import requests

# --- the server refuses --------------------------------------------------------------------------


def refused(server: Server, *ops: Op, url: str = "") -> str:
    with pytest.raises(StoreUnavailable) as caught:
        ask(server, *ops, url=url)
    return str(caught.value)


def test_a_server_that_was_emptied_is_given_the_script_again(server: Server) -> None:
    async def story() -> None:
        far = Valkey(server.url, timeout=60)
        await far.run([take(requests())], 0)
        server.do("SCRIPT", "FLUSH")
        answers = await asyncio.gather(*(far.run([take(requests())], 0) for _ in range(3)))
        assert sorted(remaining(one)[0] for (one,) in answers) == [6, 7, 8]
        await far.close()

    asyncio.run(story())


def test_a_server_without_memory_takes_all_or_nothing(server: Server) -> None:
    ask(server, take(requests("a"), requests("b")))
    server.do("CONFIG", "SET", "maxmemory", "1")
    try:
        told = refused(server, take(requests("a"), requests("b")))
        assert (
            told == f"the store at {server.socket} has no memory left for new entries (`maxmemory`)"
        )
        assert remaining(ask(server, peek(requests("a"), requests("b")))[0]) == [8, 8]
    finally:
        server.do("CONFIG", "SET", "maxmemory", "0")


def test_a_replica_is_told_and_left(server: Server) -> None:
    async def story() -> None:
        far = Valkey(server.url, timeout=60)
        await far.run([take(requests())], 0)
        server.do("REPLICAOF", "127.0.0.1", "1")
        server.do("CONFIG", "SET", "replica-serve-stale-data", "yes")
        try:
            with pytest.raises(StoreUnavailable, match="is a replica, which takes no writes"):
                await far.run([take(requests())], 0)
        finally:
            server.do("REPLICAOF", "NO", "ONE")
        assert remaining((await far.run([take(requests())], 0))[0]) == [8]
        assert far.health().reconnects == 1
        await far.close()

    asyncio.run(story())


def test_a_replica_is_not_asked_for_what_only_looks(server: Server) -> None:
    async def story() -> None:
        far = Valkey(server.url, timeout=60)
        server.do("REPLICAOF", "127.0.0.1", "1")
        try:
            for _ in range(2):
                with pytest.raises(StoreUnavailable, match="is a replica, which takes no writes"):
                    await far.run([Op("labels", ("t", "s"))], 0)
        finally:
            server.do("REPLICAOF", "NO", "ONE")
        async with asyncio.timeout(60):
            while not far.health().closed:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.002)
        assert await far.run([Op("labels", ("t", "s"))], 0) == [frozenset()]
        await far.close()

    asyncio.run(story())


@pytest.mark.parametrize("leases", [False, True])
def test_who_asks_first_may_find_it_connected(server: Server, leases: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        valkey = Valkey(server.url, timeout=60)
        far = Leases(valkey) if leases else valkey
        await asyncio.gather(far.connect(), far.run([take(requests())], 0), far.connect())
        async with asyncio.timeout(60):  # Whoever came too late has hung up.
            while server.do("CLIENT", "LIST", "TYPE", "normal").count(b"\nid=") != 2:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.002)
        assert remaining((await far.run([take(requests())], 0))[0]) == [8]
        assert far.health().reconnects == 0
        await far.close()
        away = Valkey(f"redis://127.0.0.1:{free_port()}", timeout=60)
        await away.connect()
        assert away.health().closed
        await away.close()

    asyncio.run(story())


@pytest.mark.parametrize("leases", [False, True])
def test_by_which_policy_a_server_forgets_is_known(server: Server, leases: bool) -> None:  # noqa: FBT001
    async def evicting() -> str:
        far = Valkey(server.url, timeout=60)
        assert far.evicts == ""
        await far.run([take(requests())], 0)
        asked = Leases(far) if leases else far
        found = asked.evicts
        assert asked.lacking == ""
        await far.close()
        return found

    assert asyncio.run(evicting()) == ""
    server.do("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    try:
        assert asyncio.run(evicting()) == "volatile-lru"
    finally:
        server.do("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_a_user_that_may_not_is_told_so(server: Server) -> None:
    server.do("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get", "+client")
    url = f"redis://reader:secret@127.0.0.1:{server.port}"
    told = refused(server, take(requests()), url=url)
    assert "refuses to serve" in told
    assert "secret" not in told


def test_a_wrong_password_is_not_repeated(server: Server) -> None:
    server.do("ACL", "SETUSER", "writer", "on", ">right", "~*", "+@all")
    place = f"127.0.0.1:{server.port}/1"
    told = refused(server, take(requests()), url=f"redis://writer:hunter2@{place}")
    assert "cannot be reached" in told
    assert "hunter2" not in told
    assert remaining(ask(server, take(requests()), url=f"redis://writer:right@{place}")[0]) == [9]
    assert keys(server) == []  # It is in database 1.


def test_a_password_that_is_missing_is_told_so() -> None:
    guarded = Server("--requirepass", "hunter2")
    try:
        told = refused(guarded, take(requests()), url=guarded.address)
        assert "cannot be reached: Authentication required" in told
        entered = guarded.address.replace("//", "//:hunter2@")
        assert remaining(ask(guarded, take(requests()), url=entered)[0]) == [9]
    finally:
        guarded.stop()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading the dataset"),
        (b"-MISCONF Redis is configured to save RDB snapshots\r\n", "refuses: MISCONF"),
        (b"-BUSY Redis is busy running a script\r\n", "refuses: BUSY"),
        (b"-ERR user_script: -READONLY no\r\n", "is a replica"),
        (b"-ERR user_script: -OOM no\r\n", "has no memory left"),
        (b"+OK\r\n", "does not answer as a Valkey or Redis server does"),
        (b"*1\r\n:5\r\n", "does not answer as a Valkey or Redis server does"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "broke"),
    ],
)
def test_whatever_is_answered_is_a_clear_refusal(reply: bytes, told: str) -> None:
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        while piece := await reader.read(2**16):
            if b"EVALSHA" in piece:
                writer.write(reply)
            elif b"LOAD" in piece:
                writer.write(b"+OK\r\n" * piece.count(b"\r\nLOAD\r\n") + b"-NOPERM no\r\n")
            elif b"PING" in piece:
                writer.write(b"+PONG\r\n")
            elif b"SETINFO" in piece:
                writer.write(b"+OK\r\n" * piece.count(b"SETINFO"))
        writer.close()

    async def story() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        far = Valkey(f"redis://127.0.0.1:{port}", timeout=60)
        with pytest.raises(StoreUnavailable, match=told):
            await far.run([take(requests())], 0)
        await far.close()
        listening.close()
        await asyncio.gather(*serving)

    asyncio.run(story())


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://", "localhost:6379"),
        ("redis://user:hunter2@far:7000/3", "far:7000"),
        ("rediss://far", "far:6379"),
        ("unix://:hunter2@/run/valkey.sock?db=2", "/run/valkey.sock"),
    ],
)
def test_an_address_is_told_without_its_secrets(url: str, place: str) -> None:
    address = read_url(url)
    assert str(address) == place
    assert "hunter2" not in repr(address)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://far", "must specify one of"),
        ("redis://far?socket_timeout=5", "it must not say `socket_timeout`"),
        ("far", "must specify one of"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Valkey(url)


def test_files_for_tls_need_tls() -> None:
    with pytest.raises(ValueError, match="rediss"):
        Valkey("redis://far", tls=Tls(ca="ca.pem"))


# --- TLS -----------------------------------------------------------------------------------------


def test_tls_is_spoken_with_certificates_of_both_sides(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    port, (ca, mine, key) = free_port(), (str(tmp_path / one) for one in ("ca", "one", "key"))
    tls = ("--tls-port", str(port), "--tls-ca-cert-file", ca, "--tls-cert-file", mine)
    secured = Server(*tls, "--tls-key-file", key)
    url = f"rediss://localhost:{port}"
    try:
        far = Valkey(url, timeout=60, tls=Tls(ca=ca, certificate=mine, key=key))
        assert remaining(asyncio.run(once(far, take(requests())))[0]) == [9]
        untrusted = "CERTIFICATE_VERIFY_FAILED"
        for wrong, why in (
            (Tls(ca=ca), "certificate required|closed|reset"),
            (Tls(certificate=mine, key=key), untrusted),
            (Tls(ca=other_authority(tmp_path), certificate=mine, key=key), untrusted),
            (None, untrusted),
        ):
            with pytest.raises(StoreUnavailable, match=why):
                asyncio.run(once(Valkey(url, timeout=60, tls=wrong), take(requests())))
        plain = f"rediss://localhost:{secured.port}"
        with pytest.raises(StoreUnavailable, match="has not answered"):
            asyncio.run(once(Valkey(plain, timeout=0.2, tls=Tls(ca=ca)), take(requests())))
        with pytest.raises(StoreUnavailable, match=r"cannot be reached: |broke"):
            asyncio.run(once(Valkey(f"redis://localhost:{port}", timeout=60), take(requests())))
    finally:
        secured.stop()


def other_authority(folder: Path) -> str:
    """Return the file of an authority that has signed nothing here."""
    (folder / "other").mkdir()
    make_certificates(folder / "other")
    return str(folder / "other" / "ca")


async def once(far: Valkey, *ops: Op) -> list[object]:
    try:
        return await far.run(ops, 0)
    finally:
        await far.close()


def make_certificates(folder: Path) -> None:
    """Write a certificate for localhost that signs itself, as `ca` and `one`, and its `key`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = made.public_bytes(serialization.Encoding.PEM)
    (folder / "ca").write_bytes(written)
    (folder / "one").write_bytes(written)
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
