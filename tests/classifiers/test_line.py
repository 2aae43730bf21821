from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import timedelta

import pytest

from engine.classifiers import line as lines
from engine.classifiers.breaker import FAILURES, SHORTEST
from engine.classifiers.call import MOST_CHARACTERS, MOST_TEXTS, Failed
from engine.classifiers.hub import Hub, Panel
from engine.classifiers.line import CALLS, REMEMBERED_SECONDS, WAITING, Line
from engine.classifiers.tally import Tally
from engine.language.functions import Unknowable
from engine.language.program import ClassifierDefinition
from engine.language.text import NOWHERE
from engine.runtime.inquire import Question
from tests.classifiers.servers import by_length, grpc_server, honest, honest_grpc, http_server

PATIENCE = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A transport whose calls a test sees, holds and answers."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.seconds: list[float] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.problem: Exception | None = None
        self.closed = False

    def classify(self, classifier: str, texts: Sequence[str], seconds: float) -> Sequence[object]:
        assert classifier == "toxicity"
        self.calls.append(list(texts))
        self.seconds.append(seconds)
        self.entered.release()
        assert self.gate.wait(PATIENCE)
        if self.problem is not None:
            raise self.problem
        return by_length(texts)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(desk: Desk, clock: Clock) -> Iterator[Line]:
    made = Line("toxicity", 5.0, desk, b"key", Tally(), clock)
    yield made
    desk.gate.set()
    made.close()
    made._threads.shutdown(wait=True)


def results(futures: Sequence[Future[float]]) -> list[float]:
    return [one.result(PATIENCE) for one in futures]


def failures(futures: Sequence[Future[float]]) -> set[str]:
    found = set()
    for one in futures:
        with pytest.raises(Unknowable) as caught:
            one.result(PATIENCE)
        found.add(caught.value.what)
    return found


def hold_every_thread(line: Line, desk: Desk) -> list[Future[float]]:
    """Keep all threads of *line* busy with a call each."""
    desk.gate.clear()
    held = []
    for number in range(CALLS):
        held += line.ask([f"held {number}"])
        assert desk.entered.acquire(timeout=PATIENCE)
    return held


def test_the_texts_of_one_question_go_in_one_call(line: Line, desk: Desk) -> None:
    assert results(line.ask(["a", "bb"])) == [0.01, 0.02]
    assert desk.calls == [["a", "bb"]]
    assert desk.seconds == [5.0]


def test_questions_gather_while_all_threads_are_busy(line: Line, desk: Desk) -> None:
    held = hold_every_thread(line, desk)
    waiting = [line.ask([str(number)]) for number in range(MOST_TEXTS)]
    assert len(desk.calls) == CALLS
    desk.gate.set()
    assert results(held)
    assert [results(one) for one in waiting]
    gathered = desk.calls[CALLS:]
    assert sorted(text for call in gathered for text in call) == sorted(
        str(number) for number in range(MOST_TEXTS)
    )
    assert len(gathered) < MOST_TEXTS


def test_a_call_has_a_bound_in_texts_and_in_characters(line: Line, desk: Desk) -> None:
    results(line.ask([str(number) for number in range(MOST_TEXTS + 1)]))
    assert [len(one) for one in desk.calls] == [MOST_TEXTS, 1]
    half = "x" * (MOST_CHARACTERS // 2)
    results(line.ask([half + "1", half + "2", half * 3]))
    assert [len(one) for one in desk.calls[2:]] == [1, 1, 1]


def test_an_answer_is_remembered_for_a_while(line: Line, desk: Desk, clock: Clock) -> None:
    assert line.recall("a") is None
    results(line.ask(["a"]))
    assert line.recall("a") == 0.01
    assert line.recall("b") is None
    clock.now += REMEMBERED_SECONDS
    assert line.recall("a") is None
    assert desk.calls == [["a"]]
    assert line.tally.counts()["toxicity"].recalled == 1


def test_a_failure_is_told_and_not_remembered(line: Line, desk: Desk) -> None:
    desk.problem = Failed("unreachable", "it cannot be reached")
    assert failures(line.ask(["a", "b"])) == {"it cannot be reached"}
    assert line.recall("a") is None
    assert line.tally.counts()["toxicity"].calls == {"unreachable": 1}


def test_a_late_answer_is_told_with_the_whole_timeout(line: Line, desk: Desk) -> None:
    desk.problem = Failed("timeout", "it did not answer within 3 ms")
    assert failures(line.ask(["a"])) == {"it did not answer within 5000 ms"}


def test_one_score_too_few_is_a_failure_of_all(line: Line, desk: Desk) -> None:
    desk.classify = lambda *_: [0.5]  # type: ignore[method-assign]
    assert failures(line.ask(["a", "b"])) == {"it gave 1 scores for 2 texts"}


def test_nobody_waits_for_a_thread_that_broke(
    line: Line, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.problem = KeyError("a bug, with the user's words")
    assert failures(line.ask(["a"])) == {"the call was ended"}
    desk.problem = None
    monkeypatch.setattr(lines, "CALLS", 1)
    assert results(line.ask(["b"])) == [0.01], "another thread takes its place"


def test_an_open_breaker_refuses_at_once_and_a_probe_closes_it(
    line: Line, desk: Desk, clock: Clock
) -> None:
    desk.problem = Failed("timeout", "late")
    for _ in range(FAILURES):
        failures(line.ask(["a"]))
    not_asked = {f"it is not asked for a while: its last {FAILURES} calls failed"}
    assert failures(line.ask(["a"])) == not_asked
    assert len(desk.calls) == FAILURES
    clock.now += SHORTEST
    desk.problem = None
    assert results(line.ask(["a"])) == [0.01]
    assert results(line.ask(["b"])) == [0.01]
    assert line.tally.counts()["toxicity"].refused == {"open": 1}


def test_what_waits_while_the_breaker_opens_is_refused_too(line: Line, desk: Desk) -> None:
    desk.problem = Failed("timeout", "late")
    held = hold_every_thread(line, desk)
    waiting = line.ask(["a"])
    desk.gate.set()
    failures(held)
    assert failures(waiting) <= {
        f"it is not asked for a while: its last {FAILURES} calls failed",
        "it did not answer within 5000 ms",
    }


def test_too_many_waiting_questions_are_refused(line: Line, desk: Desk) -> None:
    held = hold_every_thread(line, desk)
    waiting = line.ask([str(number) for number in range(WAITING)])
    assert failures(line.ask(["one more"])) == {"too many texts are waiting for it"}
    desk.gate.set()
    assert len(results([*held, *waiting])) == CALLS + WAITING
    assert line.tally.counts()["toxicity"].refused == {"busy": 1}


def test_questions_for_which_nobody_waits_are_not_sent(
    line: Line, desk: Desk, clock: Clock
) -> None:
    held = hold_every_thread(line, desk)
    (given_up,) = line.ask(["given up"])
    assert given_up.cancel()
    line.ask(["late"])
    clock.now += 5.0
    (fresh,) = line.ask(["fresh"])
    desk.gate.set()
    assert results([*held, fresh])
    assert desk.calls[CALLS:] == [["fresh"]]


# --- hub -----------------------------------------------------------------------------------------


def definition(
    name: str = "toxicity", endpoint: str = "grpc://127.0.0.1:1", seconds: float = 5.0
) -> ClassifierDefinition:
    return ClassifierDefinition(name, endpoint, timedelta(seconds=seconds), None, "", NOWHERE)


Desks = dict[str, Desk]


@pytest.fixture
def made() -> Desks:
    return {}


@pytest.fixture
def hub(made: Desks) -> Iterator[Hub]:
    def connect(endpoint: str) -> Desk:
        made[endpoint] = Desk()
        return made[endpoint]

    opened = Hub(b"k" * 100, connect=connect)
    yield opened
    opened.close()


def panel(hub: Hub, *some: ClassifierDefinition) -> Panel:
    return hub.panel({one.name: one for one in some})


def test_a_panel_asks_each_server_once(hub: Hub, made: Desks) -> None:
    both = hub.panel({"toxicity": definition()})
    asked = both.ask([Question("toxicity", "a"), Question("toxicity", "bb")])
    assert [one.answer.result(PATIENCE) for one in asked] == [0.01, 0.02]
    assert asked[0].late == "it did not answer within 5000 ms"
    assert both.recall(Question("toxicity", "a")) == 0.01
    assert made["grpc://127.0.0.1:1"].calls == [["a", "bb"]]


def test_an_unchanged_server_is_kept_and_a_replaced_one_closed_after_its_last_user(
    hub: Hub, made: Desks
) -> None:
    old = panel(hub, definition(), definition("spam", "grpc://spam"))
    under_way = old
    new = panel(hub, definition(), definition("spam", "grpc://other"))
    assert len(made) == 3
    del old
    gc.collect()
    assert not made["grpc://spam"].closed, "a decision is under way"
    del under_way
    gc.collect()
    assert made["grpc://spam"].closed
    assert not made["grpc://127.0.0.1:1"].closed
    assert new.recall(Question("toxicity", "a")) is None


def test_another_timeout_is_another_server(hub: Hub) -> None:
    one = panel(hub, definition())
    other = panel(hub, definition(seconds=1.0))
    assert one._servers["toxicity"] is not other._servers["toxicity"]
    again = panel(hub, definition())
    assert again._servers["toxicity"] is one._servers["toxicity"]


def test_closing_the_hub_closes_every_server(hub: Hub, made: Desks) -> None:
    held = panel(hub, definition())
    hub.close()
    assert made["grpc://127.0.0.1:1"].closed
    assert held


@pytest.mark.parametrize("serve", [lambda: grpc_server(honest_grpc), lambda: http_server(honest)])
def test_many_threads_ask_a_real_server_at_once(serve: Callable[[], object]) -> None:
    with serve() as server:  # type: ignore[attr-defined]
        hub = Hub(b"k")
        asking = hub.panel({"toxicity": definition(endpoint=server.endpoint, seconds=PATIENCE)})
        found: dict[str, float] = {}

        def ask(number: int) -> None:
            text = "x" * number
            (asked,) = asking.ask([Question("toxicity", text)])
            found[text] = asked.answer.result(PATIENCE)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert found == {"x" * number: number / 100 for number in range(64)}
        assert sum(map(len, server.calls)) == 64
        hub.close()
