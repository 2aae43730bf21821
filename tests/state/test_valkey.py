"""A store in a Valkey or Redis server: what is kept there, how long, and what it does not touch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from random import Random

import msgspec
import pytest

from engine.runtime import taking
from engine.runtime.buckets import Bucket
from engine.runtime.store import NANO, Noted, Settled, StoreUnavailable, Take
from engine.runtime.throttle import FOREVER, ImpossibleAmount
from engine.state.remote import STALE, Op
from engine.state.valkey import Valkey
from engine.state.valkey_script import evaluate, make_ready
from engine.state.valkey_wire import Manner, Writer
from tests.state.asked import ask, keys, levels_of, life, peek, remaining, take, today
from tests.state.servers import Server
from tests.state.takes import MINUTE, requests, slot, tokens, usd

HOUR = 3600 * NANO


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
    assert answers[2] == Settled("")
    assert answers[4] is None
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
        far = Valkey(server.url, timeout=60)
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
        line = Valkey(server.url, timeout=60)._first
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
    assert ask(server, Op("settle", ("d", (("usd", 99),)))) == [Settled("")]
    assert remaining(ask(server, peek(today()))[0]) == [0]


def test_a_reservation_of_an_older_engine_is_settled(server: Server) -> None:
    paid = msgspec.structs.replace(tokens(amount=80), payer="north")
    ask(server, take(paid, reservation="d", hold=HOUR))
    (key,) = [one for one in keys(server) if "}r" in one]
    value = server.do("GET", key).partition(b"\r\n")[2][:-2]
    until, item = msgspec.msgpack.decode(value[5:])
    assert item.pop() == "north"
    server.do("SET", key, value[:5] + msgspec.msgpack.encode([until, item]))
    assert ask(server, Op("settle", ("d", (("tokens", 10),)))) == [Settled("")]
    assert remaining(ask(server, peek(tokens()))[0]) == [89]


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
