"""What goes over HTTP, byte by byte as the receivers document it, and how they fail."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import msgspec
import pytest

from engine.sinks.batch import Batch
from engine.sinks.http import HttpSink, Shape
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, SinkError
from engine.sinks.web import MOST_AFTER, Web, seconds_of
from tests.sinks.collector import Collector, collector
from tests.sinks.shipping_made import batch

LONG = 20.0


def send(
    told: Collector,
    shape: Shape,
    what: Batch,
    *,
    suffix: str = "",
    ack: bool = False,
    timeout: float = LONG,
    pack: bool = True,
) -> Outcome:
    def make() -> Web:
        return Web(told.url, {"Authorization": "x"}, None, timeout, suffix=suffix, pack=pack)

    sink = HttpSink(make, shape, index="audit", ack=ack, patience=timeout)

    async def go() -> Outcome:
        try:
            return await sink.send(what)
        finally:
            await sink.close()
            await sink.close()

    return asyncio.run(go())


def test_an_array_is_what_opa_sends() -> None:
    with collector() as told:
        assert send(told, "array", batch(3)) == TAKEN
    (asked,) = told.asked
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Content-Encoding"] == "gzip"
    assert asked.headers["Authorization"] == "x"
    assert [one["sequence"] for one in msgspec.json.decode(asked.body)] == [0, 1, 2]


def test_lines_are_one_record_each_and_need_not_be_compressed() -> None:
    with collector() as told:
        send(told, "lines", batch(2), pack=False)
    (asked,) = told.asked
    assert "Content-Encoding" not in asked.headers
    assert asked.body == batch(2).lines


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 502, 503, 504])
def test_what_is_not_about_the_batch_is_tried_again(status: int) -> None:
    with collector(lambda _: (status, b"secret")) as told, pytest.raises(Away, match=str(status)):
        send(told, "array", batch(1))


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_is_about_the_batch_is_refused(status: int) -> None:
    with (
        collector(lambda _: (status, b"secret")) as told,
        pytest.raises(Refused, match=str(status)),
    ):
        send(told, "array", batch(1))


def test_a_server_says_when_to_come_back() -> None:
    with collector() as told:
        told.answers.append((429, b"", {"Retry-After": "17"}))
        with pytest.raises(Away) as caught:
            send(told, "array", batch(1))
    assert caught.value.after == 17.0
    assert seconds_of("99999999", 0.0) == MOST_AFTER
    assert seconds_of("-1", 0.0) == seconds_of("", 0.0) == seconds_of("soon", 0.0) == 0.0
    date, moment = "Wed, 21 Oct 2026 07:28:00 GMT", 1792567680.0
    assert seconds_of(date, moment - 30.0) == 30.0
    assert seconds_of(date, moment + 30.0) == 0.0
    assert seconds_of(date, 0.0) == MOST_AFTER


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "`token`"), (403, "`token`"), (404, "`url`"), (307, "we do not go; see `url`")],
)
def test_what_an_operator_can_mend_is_told_with_the_remedy(status: int, remedy: str) -> None:
    where = {"Location": "http://127.0.0.1:9/"}
    with collector(lambda _: (status, b"", where)) as told, pytest.raises(Away, match=remedy):
        send(told, "array", batch(1))
    assert len(told.asked) == 1


@pytest.mark.parametrize("failure", ["drop", "cut"])
def test_a_connection_that_breaks_took_nothing(failure: str) -> None:
    with collector() as told:
        told.answers.append(failure)
        with pytest.raises(Away, match="connection"):
            send(told, "array", batch(1))
        assert send(told, "array", batch(1)) == TAKEN


def test_a_server_that_hangs_took_nothing() -> None:
    with collector() as told:
        told.answers.append("hang")
        with pytest.raises(Away, match=r"no answer within 0\.2 s"):
            send(told, "array", batch(1), timeout=0.2)


def test_nobody_there_is_away() -> None:
    with collector() as told:
        pass
    with pytest.raises(Away, match="ConnectError"):
        send(told, "array", batch(1))


def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sinks.web.MOST_ANSWER", 10)
    with collector(lambda _: (200, b"x" * 11)) as told, pytest.raises(Away, match="too long"):
        send(told, "array", batch(1))


def test_without_the_extra_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    make: Callable[[], Web] = lambda: Web("http://x", {}, None, 1.0, pack=True)  # noqa: E731
    with pytest.raises(SinkError, match=r"needs httpx.*pip install 'pol-engine\[http\]'"):
        make()
