"""The load generator asks what it is told, times it from when it was due, believes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from msgspec import structs

from bench.load.ask import Generator, LoadError
from bench.load.board import Board, in_flight
from bench.load.daemons import AUDITS
from bench.load.machine import LOAD, SERVER, core, rss_mb
from bench.load.ours import Ours, our_daemon
from bench.load.pace import Pace
from bench.load.spec import Load
from bench.workloads import make_workload

pytestmark = pytest.mark.slow
SECONDS, WARM = 0.1, 0.02
PAUSE_US = 200_000


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    with Generator(core(LOAD)) as made:
        yield made


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    place = tmp_path_factory.mktemp("load")
    workload = make_workload(20, 70)
    with our_daemon(place, workload, "grpc.transport=lean", *AUDITS["off"]) as made:
        yield made


def briefly(load: Load) -> Load:
    return structs.replace(load, seconds=SECONDS, warm=WARM)


@pytest.mark.parametrize("way", ["unary", "unix", "stream", "batch"])
def test_every_way_to_ask_is_answered(generator: Generator, ours: Ours, way: str) -> None:
    contender = {
        "unary": ours.unary("unary"),
        "unix": ours.unary("unix", ours.server.socket),
        "stream": ours.stream("stream"),
        "batch": ours.batch("batch", 32),
    }[way]
    told = generator.measure(briefly(structs.replace(contender.load, flying=8)))
    assert told.answered > 0
    assert told.asked >= told.answered
    assert told.p50 <= told.p99 <= told.worst
    assert told.own_us > 0


def test_calls_are_spread_over_connections(generator: Generator, ours: Ours) -> None:
    load = structs.replace(ours.unary("").load, connections=4, flying=4)
    assert generator.measure(briefly(load)).answered > 0


def test_each_connection_may_have_an_address_of_its_own(generator: Generator, ours: Ours) -> None:
    load = ours.unary("").load
    both = f"{load.address},{ours.server.socket}"
    load = structs.replace(load, address=both, connections=2, flying=2)
    assert generator.measure(briefly(load)).answered > 0
    nobody = structs.replace(load, address=f"{ours.server.socket},unix:/nobody")
    with pytest.raises(LoadError, match="FileNotFoundError"):
        generator.measure(nobody)


def test_an_open_loop_asks_at_its_rate(generator: Generator, ours: Ours) -> None:
    load = structs.replace(ours.unary("").load, rate=200.0, flying=99, arrivals="uniform")
    told = generator.measure(structs.replace(load, seconds=0.2, warm=0.1))
    assert told.asked == 60
    assert not told.lost
    assert told.answered <= 41


def test_another_body_than_expected_is_told(generator: Generator, ours: Ours) -> None:
    load = structs.replace(ours.unary("").load, proofs=[[b"no such rule"]] * 70)
    with pytest.raises(LoadError, match=r"question \d+ was answered"):
        generator.measure(briefly(load))


def test_a_grpc_status_is_told(generator: Generator, ours: Ours) -> None:
    load = structs.replace(ours.unary("").load, path="/engine.v1.PolicyEngine/Unknown")
    told = generator.try_out(briefly(load))
    assert told.wrong == told.asked
    assert told.problem.startswith("gRPC status 12")


def test_nobody_there_is_told(generator: Generator, ours: Ours) -> None:
    load = structs.replace(ours.unary("").load, address="unix:/nobody")
    with pytest.raises(LoadError, match="FileNotFoundError"):
        generator.measure(load)


class Pauses:
    """An HTTP/1.1 server of one connection that pauses once, before its third answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._never = Event()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            answered = 0
            while data := connection.recv(1 << 16):
                answered += data.count(b"POST ")
                if answered == 3:
                    self._never.wait(PAUSE_US / 1e6)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self) -> None:
        self._thread.join()
        self._listener.close()


def test_an_open_loop_charges_a_pause_to_all_that_had_to_wait(generator: Generator) -> None:
    server = Pauses()
    load = Load(
        server.address, "/", [b"{}"], [[b"ok"]], kind="http1", rate=200.0, flying=9,
        arrivals="uniform", seconds=0.4, warm=0.0,
    )  # fmt: skip
    told = generator.measure(load)
    server.close()
    # A loop that waited for the third answer before it asked again would tell of one slow call.
    assert told.asked == 80
    assert told.p99 > PAUSE_US * 0.8
    assert told.p90 > PAUSE_US * 0.3


def test_a_board_keeps_what_was_asked_in_turns(generator: Generator, ours: Ours) -> None:
    contender = ours.unary("lean")
    contender = replace(contender, load=structs.replace(contender.load, warm=WARM))
    with Pace(core(SERVER)) as pace:
        board = Board(generator, pace)
        board.closed([contender], (1, 4), 2, SECONDS)
    assert set(board.figures) == {("lean", in_flight(1)), ("lean", in_flight(4))}
    figure = board.figures["lean", in_flight(4)]
    assert [one.number for one in figure.shots] == [0, 1]
    assert figure.cpu_us > 0
    assert board.top("lean") in board.figures.values()
    assert rss_mb(ours.server.pid) > 1


def test_a_daemon_that_decides_otherwise_ends_the_bench(tmp_path: Path) -> None:
    def never(*_: object) -> bool:
        return False

    workload = make_workload(10, 1)
    settings = ("grpc.transport=lean", *AUDITS["off"])
    with (
        pytest.raises(SystemExit, match="the rules say"),
        our_daemon(tmp_path, workload, *settings, right=never),
    ):
        pass
