"""A store in a Valkey or Redis server: what is kept there, how long, and what it does not touch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.runtime import taking
from engine.runtime.store import NANO, Level, Noted, StoreUnavailable, Take
from engine.runtime.throttle import FOREVER, Bucket, ImpossibleAmount
from engine.state.remote import STALE, Op
from engine.state.valkey import Valkey
from engine.state.valkey_address import Tls, read_url
from engine.state.valkey_script import evaluate, make_ready
from engine.state.valkey_wire import Manner, Writer
from tests.state.servers import Server, free_port
from tests.state.takes import DAY, MINUTE, requests, slot, tokens, usd

HOUR = 3600 * NANO


def ask(server: Server, *ops: Op, url: str = "") -> list[object]:
    """Ask by the server's own clock."""

    async def story() -> list[object]:
        far = Valkey(url or server.url, timeout=10)
        try:
            return await far.run(ops, 0)
        finally:
            await far.close()

    return asyncio.run(story())


def take(*takes: Take, reservation: str = "", hold: int = 0) -> Op:
    return Op("take", (takes, reservation, hold))


def peek(*takes: Take) -> Op:
    return Op("peek", (takes,))


def today(name: str = "u", amount: int = 1, limit: int = 100) -> Take:
    opens = time.time_ns() // DAY * DAY
    made = usd(name, amount=amount, limit=limit)
    return Take(name, name, amount, limit, limit, None, opens, opens + DAY, made.unit)


def levels_of(answer: object) -> tuple[Level, ...]:
    assert isinstance(answer, tuple)
    return answer


def remaining(answer: object) -> list[int]:
    return [level.remaining for level in levels_of(answer)]


def keys(server: Server) -> list[str]:
    listed = server.do("KEYS", "*").decode(errors="replace").split("\r\n")
    return sorted(one for one in listed if one and one[0] not in "*$")


def life(server: Server, key: str) -> int:
    return int(server.do("PTTL", key)[1:])


# --- several ops in one step ---------------------------------------------------------------------


def test_ops_see_what_those_before_them_did(server: Server) -> None:
    first = take(tokens(amount=80), reservation="d", hold=MINUTE)
    answers = ask(
        server,
        first,
        peek(tokens()),
        Op("settle", ("d", (("tokens", 10),))),
        peek(tokens()),
        Op("settle", ("d", (("tokens", 0),))),
        Op("record", ("m", "k", MINUTE)),
        Op("count", ("m", "k", MINUTE)),
        Op("label", ("t", "s", "read", None)),
        Op("labels", ("t", "s")),
        Op("note", ("t", "s", "", (1, 2), None)),
        Op("note", ("t", "s", "", (2, 3), None)),
        Op("noted", ("t", "s", (1, 3, 4))),
        Op("advance", ("t", "s")),
        Op("turn", ("t", "s")),
        Op("remember", ("t", "s", (("a", b"\xff"),))),
        Op("recall", ("t", "s", ("a", "b"))),
    )
    assert [remaining(answers[n]) for n in (0, 1, 3)] == [[20], [19], [89]]
    assert answers[2] is True
    assert answers[4] is False
    assert answers[5:10] == [None, 1, None, frozenset({"read"}), None]
    assert answers[10:14] == [None, Noted({"": frozenset({1, 3})}, frozenset()), None, 1]
    assert answers[14:] == [None, {"a": b"\xff"}]


def test_nothing_to_ask_is_no_answer(server: Server) -> None:
    assert ask(server) == []


def test_an_unknown_method_is_a_mistake(server: Server) -> None:
    for op in (Op("take", ()), Op("forget", ("t", "s")), Op("label", ("t", "s"))):
        with pytest.raises(ValueError, match="a store has no"):
            ask(server, op)


def test_a_negative_usage_never_reaches_the_server(server: Server) -> None:
    with pytest.raises(ImpossibleAmount):
        ask(server, Op("settle", ("d", (("tokens", -1),))))


def test_the_servers_clock_is_told(server: Server) -> None:
    async def story() -> int:
        far = Valkey(server.url, timeout=10)
        await far.run([peek(requests())], 0)
        await far.close()
        return far.offset

    assert abs(asyncio.run(story())) < 10 * NANO


def test_a_period_that_is_not_now_by_the_servers_clock_is_stale(server: Server) -> None:
    before, after = today("a"), usd("b", day=10**4)
    answers = ask(server, take(before, after), peek(after), take(today("c"), requests("r")))
    assert answers[:2] == [STALE, STALE]
    assert remaining(answers[2]) == [99, 9]
    assert remaining(ask(server, peek(today("a")))[0]) == [99]


# --- the short way -------------------------------------------------------------------------------


class Found:
    """The buckets that a script has found."""

    def __init__(self, values: Sequence[bytes | None]) -> None:
        self.values = dict(zip(("a", "b"), values, strict=False))

    def bucket(self, take: Take, now: int) -> Bucket | None:
        del now
        value = self.values[take.key]
        if value is None:
            return None
        at, level, window, scale, _ = map(int, msgspec.msgpack.decode(value[5:]))
        return Bucket(at * 1000, level * scale * 1000, window * 1000, 0)

    def slots(self, take: Take, now: int) -> None:
        raise AssertionError(take, now)


def test_the_short_way_does_what_the_long_one_does(server: Server) -> None:
    """What it keeps is what every store would keep, to the nanosecond."""
    random = Random(7)  # noqa: S311 - no secret

    async def story() -> None:
        line = Valkey(server.url, timeout=10)._first
        limits = [(10**6, 5), (5000, 8), (0, 6), (60, 4)]
        for _ in range(400):
            limit, burst = random.choice(limits)
            makes = [(name, random.choice([0, 1, 2]) * NANO) for name in "ab"]
            takes = [Take("r", *made, limit * NANO, burst * NANO, MINUTE) for made in makes]
            call = Writer(Manner()).call([take(*takes)], 0)
            now, answer = await evaluate(line, make_ready(call))
            assert isinstance(now, int)
            assert isinstance(answer, list)
            before = answer[:-1]
            after = Found([value_of(server, key) for key in call.keys])
            found, instant = Found(before), now * 1000
            expected = taking.attempt(takes, found, instant)
            for one in takes:
                kept = expected.buckets.get(one.key)
                if kept is None or limit == 0:
                    kept = kept or found.bucket(one, instant)
                there = after.bucket(one, instant)
                assert there is None or kept is not None
                if kept is not None and there is not None:
                    assert (there.at, there.level) == (kept.at, kept.level)
                assert there is not None or kept is None or kept.until < instant + 10**9
        await line.close()

    asyncio.run(story())


def value_of(server: Server, key: bytes) -> bytes | None:
    reply = server.do("GET", key)
    return None if reply.startswith(b"$-1") else reply.partition(b"\r\n")[2][:-2]


def test_the_short_way_leaves_to_the_long_one_what_it_cannot(server: Server) -> None:
    huge = Take("h", "h", 10**26, 10**27, 10**27, FOREVER)
    other = Take("r", "r", NANO, 10 * NANO, 10 * NANO, 2 * MINUTE)
    twice = take(requests("r", NANO, 10 * NANO), requests("r", NANO, 10 * NANO))
    for op, most in (
        (take(huge), 9 * 10**17),
        (take(huge), 8 * 10**17),
        (twice, 9),
        (take(other), 7),  # The author wrote another window.
    ):
        seen = remaining(ask(server, op)[0])[0] // NANO
        assert most <= seen <= most + most // 100
    ask(server, take(tokens("t", NANO, 10 * NANO), reservation="d", hold=HOUR))
    (left,) = remaining(ask(server, take(tokens("t", NANO, 10 * NANO)))[0])
    assert left // NANO == 8
    for key in keys(server):
        server.do("SET", key, "42")
    (refused,) = ask(server, take(other))
    assert isinstance(refused, StoreUnavailable)


# --- debts ---------------------------------------------------------------------------------------


def test_what_is_owed_is_charged_whether_it_fits_or_not(server: Server) -> None:
    owed = Op("owe", ((requests(amount=30), today(amount=130), usd("past")), "d", HOUR))
    assert ask(server, owed) == [None]
    levels = levels_of(ask(server, peek(requests(), today(amount=1)))[0])
    assert [level.granted for level in levels] == [False, False]
    assert levels[0].retry_after > 2 * MINUTE
    assert ask(server, Op("settle", ("d", (("usd", 99),)))) == [True]
    assert remaining(ask(server, peek(today()))[0]) == [0]


def test_slots_that_are_owed_are_held(server: Server) -> None:
    assert ask(server, Op("owe", ((slot("s"), slot("s"), slot("s")), "", 0))) == [None]
    assert not levels_of(ask(server, peek(slot("s")))[0])[0].granted


# --- how long ------------------------------------------------------------------------------------


def test_every_entry_ends_by_itself_and_not_too_early(server: Server) -> None:
    hour = Op("label", ("t", "s", "x", HOUR))
    ask(server, take(requests(amount=10)), take(tokens(), today(), reservation="d", hold=HOUR))
    ask(server, take(slot("held"), reservation="e", hold=0), hour)
    ask(server, Op("record", ("m", "k", MINUTE)), Op("advance", ("t", "s")))
    ask(server, Op("remember", ("t", "s", (("a", b"1"),))))
    ask(server, Op("note", ("t", "s", "web", (1,), HOUR)))
    day = 86_400_000
    left = day - time.time_ns() // 10**6 % day
    most = {
        "br": 60_000,
        "bt": 600,
        "bu": left,
        "rd": 3_600_000,
        "re": 600_000,
        "sheld": 600_000,
        "m6": 61_000,
        "l1": 3_600_000,
        "t1": day,
        "p1": day,
        "n1": 3_600_000,
    }
    seen = set()
    for key in keys(server):
        kind = key.partition("}")[2]
        (name,) = (one for one in most if kind.startswith(one))
        assert 0.9 * most[name] - 2000 <= life(server, key) <= most[name] + 2, key
        seen.add(name)
    assert seen == most.keys()


def test_what_never_ends_is_kept_for_a_century(server: Server) -> None:
    never = Take(rule="n", key="n", amount=1, limit=0, burst=5, window=MINUTE)
    slow = Take(rule="s", key="s", amount=5, limit=1, burst=5, window=FOREVER)
    ask(server, take(never, slow), Op("label", ("t", "s", "x", FOREVER)))
    assert [life(server, key) > 3 * 10**12 for key in keys(server)] == [True] * 3


def test_a_window_of_no_whole_microseconds_is_rounded_up(server: Server) -> None:
    odd = Take(rule="o", key="o", amount=1, limit=1, burst=1, window=FOREVER)
    first, second = (levels_of(answer)[0] for answer in ask(server, take(odd), take(odd)))
    assert (first.granted, second.granted) == (True, False)
    assert FOREVER - HOUR < second.retry_after <= FOREVER + 1000


def test_fingerprints_that_outlived_their_source_are_nobodys(server: Server) -> None:
    ask(server, Op("note", ("t", "s", "web", tuple(range(9000)), HOUR)))
    (index,) = (key for key in keys(server) if not key.endswith(":1"))
    server.do("DEL", index)
    ask(server, Op("note", ("t", "s", "mail", (10**6,), None)))
    (found,) = ask(server, Op("noted", ("t", "s", (1, 10**6))))
    assert found == Noted({"mail": frozenset({10**6})}, frozenset())


# --- keys ----------------------------------------------------------------------------------------


def test_keys_have_the_prefix_and_are_tagged_by_tenant(server: Server) -> None:
    mine = Take("r", "k", 1, 9, 9, MINUTE, tenant="north")
    ask(server, take(mine), Op("label", ("north", "s", "x", None)))
    first, second = keys(server)
    assert first.startswith("pol:{")
    assert first.partition("}")[0] == second.partition("}")[0]
    assert "north" not in first


def test_long_names_are_told_apart_and_not_repeated(server: Server) -> None:
    long = "someone@example.com" * 20
    ask(server, take(requests(long + "1", 10), requests(long + "2", 10)))
    first, second = keys(server)
    assert first != second
    assert "someone" not in first
    (levels,) = ask(server, peek(requests(long + "1")))
    assert remaining(levels) == [0]


# --- what is not ours ----------------------------------------------------------------------------

FOREIGN: Sequence[tuple[str, ...]] = (
    ("SET", "KEY", "42"),
    ("SET", "KEY", ""),
    ("LPUSH", "KEY", "x"),
    ("HSET", "KEY", "x", "y"),
)


@pytest.mark.parametrize("command", FOREIGN, ids=" ".join)
def test_what_another_program_keeps_is_left_alone(server: Server, command: tuple[str, ...]) -> None:
    said = Op("label", ("t", "s", "x", None))
    ask(server, take(requests("a"), tokens("t"), reservation="d", hold=HOUR), said)
    ask(server, Op("note", ("t", "s", "", (1,), None)), Op("record", ("m", "k", MINUTE)))
    ask(server, Op("remember", ("t", "s", (("a", b"1"),))), Op("advance", ("t", "s")))
    for key in keys(server):
        server.do("DEL", key)
        server.do(*(key if part == "KEY" else part for part in command))
    before = [server.do("DUMP", key) for key in keys(server)]
    ops = (
        take(requests("b"), requests("a")),
        peek(requests("a")),
        take(tokens("new"), reservation="d", hold=HOUR),
        Op("settle", ("d", ())),
        Op("record", ("m", "k", MINUTE)),
        Op("count", ("m", "k", MINUTE)),
        Op("label", ("t", "s", "y", None)),
        Op("labels", ("t", "s")),
        Op("remember", ("t", "s", (("b", b"2"), ("a", b"2")))),
        Op("recall", ("t", "s", ("a",))),
        Op("note", ("t", "s", "", (2,), None)),
        Op("noted", ("t", "s", (1,))),
        Op("advance", ("t", "s")),
        Op("turn", ("t", "s")),
    )
    *answers, last = ask(server, *ops, take(requests("mine")))
    for answer in answers:
        assert isinstance(answer, StoreUnavailable)
        assert "another program uses the same prefix; nothing was changed" in str(answer)
    assert remaining(last) == [9]
    there = [key for key in keys(server) if "mine" not in key]
    assert [server.do("DUMP", key) for key in there] == before


def test_fingerprints_where_another_program_keeps_something_are_refused(server: Server) -> None:
    note = Op("note", ("t", "s", "", (1,), None))
    ask(server, note)
    (numbered,) = (key for key in keys(server) if key.endswith(":1"))
    server.do("SET", numbered, "42")
    for answer in ask(server, note, Op("noted", ("t", "s", (1,)))):
        assert isinstance(answer, StoreUnavailable)


@pytest.mark.parametrize("value", [b"\x92\x01\xa1x", b"\x93\x01\xa1x\xc1"])
def test_what_looks_like_ours_and_is_not_is_refused(server: Server, value: bytes) -> None:
    ask(server, take(requests("a")), Op("record", ("m", "k", MINUTE)))
    ask(server, Op("label", ("t", "s", "x", None)))
    for key in keys(server):
        kind = key.partition("}")[2][0].encode()
        server.do("SET", key, b"\0pe1" + kind + value)
    answers = ask(
        server,
        peek(requests("a")),
        Op("count", ("m", "k", MINUTE)),
        Op("labels", ("t", "s")),
    )
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)


# --- the server refuses --------------------------------------------------------------------------


def refused(server: Server, *ops: Op, url: str = "") -> str:
    with pytest.raises(StoreUnavailable) as caught:
        ask(server, *ops, url=url)
    return str(caught.value)


def test_a_server_that_was_emptied_is_given_the_script_again(server: Server) -> None:
    async def story() -> None:
        far = Valkey(server.url, timeout=10)
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
        far = Valkey(server.url, timeout=10)
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
                writer.write(b"+OK\r\n" * piece.count(b"\r\nLOAD\r\n"))
            elif b"SETINFO" in piece:
                writer.write(b"+OK\r\n" * piece.count(b"SETINFO"))
        writer.close()

    async def story() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        far = Valkey(f"redis://127.0.0.1:{port}", timeout=10)
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
        far = Valkey(url, timeout=10, tls=Tls(ca=ca, certificate=mine, key=key))
        assert remaining(asyncio.run(once(far, take(requests())))[0]) == [9]
        for wrong in (Tls(ca=ca), Tls(certificate=mine, key=key), None):
            with pytest.raises(StoreUnavailable):
                asyncio.run(once(Valkey(url, timeout=10, tls=wrong), take(requests())))
    finally:
        secured.stop()


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
