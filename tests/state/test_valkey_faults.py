"""What goes wrong between an engine and its server: clear, soon, and nothing counted twice."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from engine.runtime.store import Level, StoreUnavailable, Take
from engine.state import valkey_line
from engine.state.remote import Op
from engine.state.valkey import Valkey
from tests.ports import free_port
from tests.state.proxy import Proxy
from tests.state.servers import MISSING, PROGRAM, Server
from tests.state.takes import requests

SOON = 0.05
"""Seconds: the time-out where one is wanted."""
EVER = 60.0
"""Seconds: the time-out elsewhere, on a machine that has other things to do."""

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    made = Server()
    yield made
    made.stop()


def take(take: Take) -> list[Op]:
    return [Op("take", ((take,), "", 0))]


async def granted(far: Valkey, one: Take) -> bool:
    (levels,) = await far.run(take(one), 0)
    assert isinstance(levels, tuple)
    (level,) = levels
    assert isinstance(level, Level)
    return level.granted


async def until(what: Callable[[], bool]) -> None:
    """Wait until *what* holds."""
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.002)


def closed(far: Valkey) -> Callable[[], bool]:
    return lambda: far.health().closed


@asynccontextmanager
async def connected(url: str, *, patience: float = EVER) -> AsyncIterator[Valkey]:
    far = Valkey(url, timeout=patience)
    try:
        yield far
    finally:
        await far.close()


@contextmanager
def hurried(far: Valkey) -> Iterator[None]:
    """Wait no longer than SOON."""
    far._first._timeout = SOON
    yield
    far._first._timeout = EVER


async def refusal(waiting: Awaitable[object]) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await waiting
    return str(caught.value)


def run(story: Coroutine[object, object, None]) -> None:
    asyncio.run(story)


# --- away ----------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_told_at_once_and_found_when_it_comes(own: Server) -> None:
    async def story() -> None:
        own.kill()
        async with connected(own.address) as far:
            told = await refusal(far.run(take(requests()), 0))
            assert f"the store at 127.0.0.1:{own.port} cannot be reached" in told
            assert not far.health().closed
            assert "cannot be reached" in await refusal(far.run(take(requests()), 0))
            own.start()
            await until(closed(far))
            assert await granted(far, requests())
            assert far.states == {f"the store at 127.0.0.1:{own.port}": "closed"}
            assert far.health().failures == 2

    run(story())


def test_a_frozen_server_costs_one_time_out_and_is_met_again(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            assert await granted(far, requests())
            own.freeze()
            asked = [far.run(take(requests()), 0) for _ in range(3)]
            with hurried(far):
                told = await asyncio.gather(*map(refusal, asked))
            assert set(told) == {f"the store at {own.socket} has not answered for 50 ms"}
            assert far.health()[:4] == (False, 5, 3, 1)
            assert "has not answered" in await refusal(far.run(take(requests()), 0))
            own.thaw()
            await until(closed(far))
            assert await granted(far, requests())
            assert far.health().reconnects == 1

    run(story())


def test_a_server_that_takes_the_call_and_says_nothing_is_away(own: Server) -> None:
    async def story() -> None:
        own.freeze()
        async with connected(own.url) as far:
            with hurried(far):
                assert "has not answered" in await refusal(far.run(take(requests()), 0))
            own.thaw()
            await until(closed(far))
            assert await granted(far, requests())

    run(story())


def test_a_server_that_stays_away_is_tried_again_and_again(
    own: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey_line, "PATIENCE", SOON)

    async def story() -> None:
        async with connected(own.url) as far:
            assert await granted(far, requests())
            own.freeze()
            far._first._timeout = SOON
            await refusal(far.run(take(requests()), 0))
            states: set[str] = set()

            def seen_both() -> bool:
                states.update(far.states.values())
                return {"open", "half-open"} <= states

            await until(seen_both)
            states.clear()
            await until(seen_both)
            own.kill()
            await until(lambda: "cannot be reached" in far._first._why)

    run(story())


def test_a_server_that_is_killed_under_load_leaves_nobody_waiting(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            limit = requests(amount=1, limit=10**6)
            outcomes: list[object] = []

            async def caller() -> None:
                for _ in range(40):
                    try:
                        outcomes.append(await granted(far, limit))
                    except StoreUnavailable as away:
                        outcomes.append(str(away))
                        await asyncio.sleep(0.001)
                    if len(outcomes) == 200:
                        own.kill()

            await asyncio.gather(*(caller() for _ in range(20)))
            assert len(outcomes) == 800
            assert outcomes[:100] == [True] * 100
            assert isinstance(outcomes[-1], str)
            own.start()
            await until(closed(far))
            assert await granted(far, limit)

    run(story())


def test_a_server_that_hung_up_while_nobody_asked_is_not_noticed(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            assert await granted(far, requests())
            own.kill()
            own.start()
            far._first._used -= 10
            assert await granted(far, requests())
            own.do("CLIENT", "KILL", "TYPE", "normal")
            far._first._used -= 10
            assert await granted(far, requests())
            far._first._used -= 10
            assert await granted(far, requests())
            assert far.health()[2:] == (0, 0, 2)

    run(story())


def test_a_server_that_froze_while_nobody_asked_costs_one_time_out(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            assert await granted(far, requests())
            own.freeze()
            far._first._used -= 10
            with hurried(far):
                assert "has not answered" in await refusal(far.run(take(requests()), 0))
                assert far.health().timeouts == 1

    run(story())


def test_a_frozen_server_takes_no_more_than_its_buffers_hold(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            assert await granted(far, requests())
            own.freeze()
            long = {f"{number}": b"x" * 10**6 for number in range(9)}
            said = Op("remember", ("t", "s", tuple(long.items())))
            with hurried(far):
                assert "has not answered" in await refusal(far.run([said], 0))
            assert far.health().timeouts == 1

    run(story())


# --- on the way ----------------------------------------------------------------------------------


def test_a_reply_that_comes_too_late_reaches_nobody_else(own: Server) -> None:
    async def story() -> None:
        async with Proxy(str(own.socket)) as proxy, connected(proxy.url) as far:
            assert await granted(far, requests("a"))
            proxy.delay = 3 * SOON
            with hurried(far):
                assert "has not answered" in await refusal(far.run(take(requests("a")), 0))
            proxy.delay = 0
            await until(closed(far))
            (levels,) = await far.run(take(requests("b", limit=77)), 0)
            assert isinstance(levels, tuple)
            assert levels[0].remaining == 76

    run(story())


def test_lost_replies_are_a_time_out(own: Server) -> None:
    async def story() -> None:
        async with Proxy(str(own.socket)) as proxy, connected(proxy.url) as far:
            assert await granted(far, requests())
            proxy.swallow = True
            with hurried(far):
                assert "has not answered" in await refusal(far.run(take(requests()), 0))
            proxy.swallow = False
            await until(closed(far))
            assert await granted(far, requests())

    run(story())


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_broken_connection_is_made_anew_for_the_next_call(own: Server, how: str) -> None:
    async def story() -> None:
        async with Proxy(str(own.socket)) as proxy, connected(proxy.url) as far:
            assert await granted(far, requests())
            proxy.cut, proxy.reset = (3, False) if how == "cut" else (None, True)
            told = await refusal(far.run(take(requests()), 0))
            assert told.startswith("the connection with the store at 127.0.0.1")
            assert await granted(far, requests())
            assert far.health()[2:] == (1, 0, 1)

    run(story())


def test_a_way_that_is_slow_but_within_the_time_out_is_good(own: Server) -> None:
    async def story() -> None:
        async with Proxy(str(own.socket)) as proxy, connected(proxy.url) as far:
            proxy.delay = 0.01
            outcomes = await asyncio.gather(*(granted(far, requests()) for _ in range(15)))
            assert sum(outcomes) == 10

    run(story())


def test_who_asks_together_is_sent_together(own: Server) -> None:
    async def story() -> None:
        async with Proxy(str(own.socket)) as proxy, connected(proxy.url) as far:
            await granted(far, requests("x"))
            proxy.writes.clear()
            outcomes = await asyncio.gather(*(granted(far, requests()) for _ in range(100)))
            assert sum(outcomes) == 10
            assert len(proxy.writes) < 10
            assert proxy.connections == 1

    run(story())


def test_more_than_a_batch_goes_out_in_order(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            outcomes = await asyncio.gather(*(granted(far, requests()) for _ in range(700)))
            assert outcomes == [True] * 10 + [False] * 690

    run(story())


def test_a_caller_who_goes_away_takes_nobody_along(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            await granted(far, requests("x"))
            gone, stays = (asyncio.create_task(granted(far, requests())) for _ in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            assert await stays
            with pytest.raises(asyncio.CancelledError):
                await gone
            (levels,) = await far.run(take(requests()), 0)
            assert isinstance(levels, tuple)
            assert levels[0].remaining == 7

    run(story())


def test_a_caller_who_went_away_is_not_told_of_a_failure(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            await granted(far, requests())
            own.freeze()
            gone, stays = (asyncio.create_task(granted(far, requests())) for _ in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            with hurried(far):
                assert "has not answered" in await refusal(stays)
            assert far.health().failures == 1

    run(story())


def test_an_event_loop_that_was_held_up_does_not_blame_the_server(own: Server) -> None:
    async def story() -> None:
        async with connected(own.url) as far:
            await granted(far, requests())
            with hurried(far):
                asked = asyncio.create_task(granted(far, requests()))
                while not far._first._sent:  # noqa: ASYNC110 - nor does the connection
                    await asyncio.sleep(0)
                time.sleep(3 * SOON)  # noqa: ASYNC251 - that is what holds it up
                # A server that has not had its turn by now would be late indeed.
                assert far._first._connection is not None
                line = valkey_line._writer(far._first._connection).get_extra_info("socket")
                assert select.select([line], [], [], EVER)[0]
                assert await asked
            assert far.health().closed

    run(story())


# --- closing -------------------------------------------------------------------------------------


def test_closing_lets_what_is_under_way_end_and_refuses_the_rest(own: Server) -> None:
    async def story() -> None:
        far = Valkey(own.url, timeout=EVER)
        asked = asyncio.create_task(granted(far, requests()))
        await asyncio.sleep(0)
        await far.close()
        assert await asked
        assert "was closed" in await refusal(far.run(take(requests()), 0))
        await far.close()

    run(story())


def test_closing_while_the_server_is_away_ends_the_tries() -> None:
    async def story() -> None:
        far = Valkey(f"redis://127.0.0.1:{free_port()}", timeout=SOON)
        await refusal(far.run(take(requests()), 0))
        await far.close()
        assert "was closed" in await refusal(far.run(take(requests()), 0))

    run(story())
