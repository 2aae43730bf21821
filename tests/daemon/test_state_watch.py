"""A state server that is away, full, a replica or forgetful is told before a decision needs it."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.daemon import state_watch
from engine.daemon.logs import open_log
from engine.daemon.state_metrics import strangers_of, trouble_of
from engine.daemon.state_watch import watch_state
from engine.state import remote_store
from engine.state.remote import Op
from engine.state.remote_store import RemoteStore
from engine.state.valkey import Valkey
from tests.daemon.running import PATIENCE, Running, daemon, decide
from tests.ports import free_port
from tests.state.servers import MISSING, PROGRAM, Server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]

AWAY = "the state server cannot be used: see `on_state_failure`"
BACK = "the state server can be used again"
STRANGERS = "daemons with another `secret.key` use this state server"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


def page(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


def until(what: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_server_that_is_dead_from_the_start_is_told(
    tmp_path: Path, server: Server, workers: str
) -> None:
    server.kill()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/p.pol").write_text("policy p { default allow }", "utf-8")
    (tmp_path / "engine.toml").write_text(
        f'state = "valkey"\n[valkey]\nurl = "{server.address}"\ntimeout_ms = 5000\n', "utf-8"
    )
    port = free_port()
    places = ("--listen", "127.0.0.1:0", "--metrics", f"127.0.0.1:{port}")
    with daemon(tmp_path, *places, "--workers", workers) as running:
        until(lambda: AWAY in running.log())
        until(lambda: "degraded: the state store (" in page(port, "readyz"))
        assert re.search(r"^engine_state_up 0\.0$", page(port, "metrics"), re.MULTILINE)
        server.start()
        until(lambda: BACK in running.log())
        until(lambda: "degraded" not in page(port, "readyz"))
        assert re.search(r"^engine_state_up 1\.0$", page(port, "metrics"), re.MULTILINE)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_daemon_that_is_ready_is_connected(tmp_path: Path, server: Server, workers: str) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/p.pol").write_text("policy p { default allow }", "utf-8")
    (tmp_path / "engine.toml").write_text(
        f'state = "valkey"\n[valkey]\nurl = "{server.address}"\ntimeout_ms = 5000\n', "utf-8"
    )
    places = ("--listen", "127.0.0.1:0", "--metrics", "", "--workers", workers)
    with daemon(tmp_path, *places):
        clients = server.do("CLIENT", "LIST").count(b" addr=127.0.0.1:")
        assert clients >= max(int(workers), 1)


def test_a_server_that_says_nothing_does_not_keep_a_daemon_from_its_start(
    tmp_path: Path, server: Server
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/p.pol").write_text("policy p { default allow }", "utf-8")
    (tmp_path / "engine.toml").write_text(
        f'state = "valkey"\n[valkey]\nurl = "{server.address}"\ntimeout_ms = 60000\n', "utf-8"
    )
    server.freeze()
    with daemon(tmp_path, "--listen", "127.0.0.1:0", "--metrics", "") as running:
        assert decide(running.address).action == "allow"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_daemons_with_different_secrets_tell_each_other(
    tmp_path: Path, server: Server, workers: str
) -> None:
    ports = free_port(), free_port()
    with ExitStack() as stack:
        found: list[Running] = []
        for name, port in zip("ab", ports, strict=True):
            folder = tmp_path / name
            (folder / "policies").mkdir(parents=True)
            (folder / "policies/p.pol").write_text("policy p { default allow }", "utf-8")
            url = f'state = "valkey"\n[valkey]\nurl = "{server.address}"\ntimeout_ms = 5000\n'
            (folder / "engine.toml").write_text(url, "utf-8")
            places = ("--listen", "127.0.0.1:0", "--metrics", f"127.0.0.1:{port}")
            found.append(stack.enter_context(daemon(folder, *places, "--workers", workers)))
        for one, port in zip(found, ports, strict=True):
            until(lambda: STRANGERS in one.log())  # noqa: B023
            until(lambda: "; degraded: sessions (" in page(port, "readyz"))  # noqa: B023
            kept = page(port, "metrics")
            assert re.search(r"^engine_state_secrets 2\.0$", kept, re.MULTILINE)
            assert re.search(r"^engine_state_up 1\.0$", kept, re.MULTILINE)
            assert "serving" in page(port, "readyz")


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it looked often."""
    monkeypatch.setattr(state_watch, "LOOK_SECONDS", 0.01)


class Watched:
    """A server under watch: the store that is asked, and what was logged."""

    def __init__(self, url: str, mark: str = "") -> None:
        self.store = RemoteStore(lambda: Valkey(url, timeout=60), mark=mark)
        self._out = io.StringIO()
        log = open_log("info", "json", self._out)
        self._watching = asyncio.get_running_loop().create_task(watch_state(self.store, log))

    def log(self) -> list[tuple[str, str]]:
        lines = map(json.loads, self._out.getvalue().splitlines())
        said = ("why", "policy", "others")
        return [(one["event"], "".join(one.get(name, "") for name in said)) for one in lines]

    async def reached(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not what():  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self._watching.cancel()
        await self.store.leave()


@pytest.mark.usefixtures("often")
def test_a_full_server_is_away_though_it_answers_what_only_looks(server: Server) -> None:
    async def story() -> None:
        one = Watched(server.url)
        server.do("CONFIG", "SET", "maxmemory", "1")
        await one.reached(one.log)
        assert "has no memory left" in trouble_of(one.store)
        assert await one.store.run([Op("labels", ("t", "s"))]) == [frozenset()]
        assert "has no memory left" in trouble_of(one.store)
        server.do("CONFIG", "SET", "maxmemory", "0")
        await one.reached(lambda: len(one.log()) == 2)
        (away, why), back = one.log()
        assert (away, back) == (AWAY, (BACK, ""))
        assert "has no memory left" in why
        assert trouble_of(one.store) == ""
        await one.end()

    asyncio.run(story())


@pytest.mark.usefixtures("often")
def test_a_server_that_may_forget_what_was_counted_is_told_once(server: Server) -> None:
    server.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")

    async def story() -> None:
        one = Watched(server.url)
        await one.reached(one.log)
        looks = one.store.health().calls
        await one.reached(lambda: one.store.health().calls > looks + 1)
        ((told, policy),) = one.log()
        assert told.startswith("the state server may forget what limits have counted")
        assert policy == "allkeys-lru"
        await one.end()

    asyncio.run(story())


@pytest.mark.usefixtures("often")
def test_a_server_that_has_lost_what_was_counted_is_told_each_time(server: Server) -> None:
    async def story() -> None:
        one, other = Watched(server.url), RemoteStore(lambda: Valkey(server.url, timeout=60))
        for times in (1, 2):
            looks = one.store.health().calls
            await one.reached(lambda: one.store.health().calls > looks + 9)  # noqa: B023
            await other.look()
            server.do("FLUSHALL")
            await other.look()
            await one.reached(lambda: len(one.log()) == times)  # noqa: B023
        assert all("has lost what limits have counted" in event for event, _ in one.log())
        assert (trouble_of(one.store), one.store.forgot, other.forgot) == ("", 2, 2)
        await other.leave()
        await one.end()

    asyncio.run(story())


@pytest.mark.usefixtures("often")
def test_each_other_secret_is_told_once_and_that_all_have_one_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_store, "MET", 0.1)

    async def story() -> None:
        one = Watched(server.url, "ours")
        for mark in ("ours", "first", "second", "second"):
            other = RemoteStore(lambda: Valkey(server.url, timeout=60), mark=mark)
            await other.look()
            await other.leave()
        await one.reached(lambda: (STRANGERS, "first, second") in told(one))
        looks = one.store.health().calls
        await one.reached(lambda: one.store.health().calls > looks + 5)
        told_so_far = told(one)
        assert told_so_far[-1] == (STRANGERS, "first, second")
        assert len(told_so_far) == len(set(told_so_far))
        server.do("FLUSHALL")  # As if their time were over.
        await one.reached(lambda: told(one)[-1][0].startswith("all daemons"))
        assert strangers_of(one.store) == trouble_of(one.store) == ""
        await one.end()

    asyncio.run(story())


def told(one: Watched) -> list[tuple[str, str]]:
    """What the log says, up to the first colon."""
    return [(event.partition(":")[0], more) for event, more in one.log()]
