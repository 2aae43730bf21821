"""What Splunk's event collector gets, and what its codes mean."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from engine.sinks.batch import Batch
from engine.sinks.http import HttpSink
from engine.sinks.ship import Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away, Refused
from engine.sinks.web import Web
from tests.sinks.collector import Answer, Asked, collector
from tests.sinks.shipping_made import batch, ids, item, of_items
from tests.sinks.test_http import send

SUCCESS = (200, b'{"text":"Success","code":0}')


def test_splunk_gets_events_with_their_time_and_id() -> None:
    with collector(lambda _: SUCCESS) as told:
        send(told, "splunk", batch(2), suffix="/event")
    (asked,) = told.asked
    assert asked.path == "/event"
    first, second = (
        msgspec.json.decode(one)
        for one in asked.body.replace(b'}{"event"', b'}\n{"event"').split(b"\n")
    )
    assert first["event"]["decision_id"] == "d0"
    assert first["fields"] == {"audit_id": "t/0"}
    assert first["time"] == pytest.approx(1767323045.000006)
    assert second["fields"] == {"audit_id": "t/1"}


def test_splunk_gets_no_time_where_a_record_has_none() -> None:
    with collector(lambda _: SUCCESS) as told:
        send(told, "splunk", Batch((item(0)._replace(time=""),)))
    assert "time" not in msgspec.json.decode(told.asked[0].body)


def test_splunk_has_a_batch_when_it_says_that_it_is_indexed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.sinks.splunk.ACK_PAUSE", 0.0)
    with collector() as told:
        told.answers += [
            (200, b'{"text":"Success","code":0,"ackId":7}'),
            (200, b'{"acks":{"7":false}}'),
            (200, b'{"acks":{"7":true}}'),
        ]
        assert send(told, "splunk", batch(1), suffix="/event", ack=True) == TAKEN
    assert [one.path for one in told.asked] == ["/event", "/ack", "/ack"]
    assert msgspec.json.decode(told.asked[1].body) == {"acks": [7]}
    channels = {one.headers["X-Splunk-Request-Channel"] for one in told.asked}
    assert len(channels) == 1


def test_splunk_that_never_indexes_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sinks.splunk.ACK_PAUSE", 0.01)

    def never(asked: Asked) -> Answer:
        return (200, b'{"acks":{"7":false}}' if asked.path == "/ack" else b'{"ackId":7}')

    with collector(never) as told, pytest.raises(Away, match="has not indexed"):
        send(told, "splunk", batch(1), ack=True, timeout=2)


def test_splunk_without_acknowledgement_cannot_be_asked_for_it() -> None:
    with (
        collector(lambda _: (200, b'{"code":0}')) as told,
        pytest.raises(Away, match="not enabled"),
    ):
        send(told, "splunk", batch(1), ack=True)


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (403, 1, "disabled"),
        (401, 2, "wants a token; see `token`"),
        (401, 3, "`token`"),
        (403, 4, "does not know the token"),
        (400, 7, "may not write to the index"),
        (400, 10, "set `ack = true`"),
        (400, 11, "channel"),
        (400, 14, "`ack = false`"),
        (400, 16, "`url`"),
        (500, 8, "it answers 500"),
        (503, 9, "it answers 503"),
        (429, 26, "it answers 429"),
        (200, 17, "no success"),
    ],
)
def test_what_is_not_the_records_fault_is_tried_again_and_told(
    status: int, code: int, why: str
) -> None:
    said = f'{{"text":"secret","code":{code}}}'.encode()
    with collector(lambda _: (status, said)) as told, pytest.raises(Away, match=why) as caught:
        send(told, "splunk", batch(1))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("code", [6, 12, 13, 15, 99])
def test_what_is_a_records_fault_is_refused(code: int) -> None:
    said = f'{{"text":"secret","code":{code},"invalid-event-number":0}}'.encode()
    with collector(lambda _: (400, said)) as told, pytest.raises(Refused, match=f"code {code}"):
        send(told, "splunk", batch(1))


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (413, Refused), (502, Away)])
def test_what_stands_in_between_knows_no_codes(status: int, kind: type[Exception]) -> None:
    with collector(lambda _: (status, b"<html>")) as told, pytest.raises(kind, match=str(status)):
        send(told, "splunk", batch(1))


def test_a_success_is_what_says_so() -> None:
    with collector(lambda _: (200, b'"OK"')) as told:
        assert send(told, "splunk", batch(1)) == TAKEN
    for said in (b"<html>please log in</html>", b"", b"[]"):
        with collector(lambda _, said=said: (200, said)) as told, pytest.raises(Away):  # type: ignore[misc]
            send(told, "splunk", batch(1))


@dataclass
class Hec:
    """A collector with acknowledgement that answers as it is documented."""

    indexed: list[str] = field(default_factory=list)
    waiting: dict[int, list[str]] = field(default_factory=dict)
    acks: bool = True
    indexing: bool = True
    posts: int = 0

    def __call__(self, asked: Asked) -> Answer:
        if self.acks and "X-Splunk-Request-Channel" not in asked.headers:
            return (400, b'{"text":"Data channel is missing","code":10}')
        if asked.path.endswith("/ack"):
            return self.acknowledge(msgspec.json.decode(asked.body)["acks"])
        self.posts += 1
        taken: list[str] = []
        for number, event in enumerate(
            asked.body.replace(b'}{"event"', b'}\n{"event"').split(b"\n")
        ):
            if b"poison" in event:
                self.indexed += taken
                text = "Invalid data format"
                said = {"text": text, "code": 6, "invalid-event-number": number}
                return (400, msgspec.json.encode(said))
            taken.append(msgspec.json.decode(event)["fields"]["audit_id"])
        if not self.acks:
            return SUCCESS
        self.waiting[self.posts] = taken
        return (200, msgspec.json.encode({"text": "Success", "code": 0, "ackId": self.posts}))

    def acknowledge(self, numbers: list[int]) -> Answer:
        if not self.acks:
            return (400, b'{"text":"ACK is disabled","code":14}')
        done = {}
        for one in numbers:
            done[str(one)] = self.indexing and one in self.waiting
            if done[str(one)]:
                self.indexed += self.waiting.pop(one)
        return (200, msgspec.json.encode({"acks": done}))


def shipment(url: str, folder: Path, patience: float = 20.0) -> Shipment:
    def make() -> Web:
        return Web(url, {"Authorization": "Splunk x"}, None, 20.0, suffix="/event", pack=True)

    sink = HttpSink(make, "splunk", ack=True, patience=patience)
    pauses = Pauses(0.001, 0.01)
    return Shipment(sink, Dead(folder / "dead"), pauses, asyncio.sleep, lambda: 1.0)


def deliver(one: Shipment, *batches: Batch) -> None:
    """Deliver *batches* to the last record, one after the other."""

    async def go() -> None:
        for each in batches:
            assert await one.deliver(each) == []
        await one.sink.close()

    asyncio.run(go())


def test_one_event_that_is_refused_holds_up_no_other(tmp_path: Path) -> None:
    hec = Hec()
    what = of_items(*batch(6).items, item(6, text="poison"), *batch(6, 7).items)
    with collector(hec) as told:
        one = shipment(told.url, tmp_path)

        async def go() -> list[int]:
            lacking = ids(await one.deliver(what) or [])
            await one.sink.close()
            return lacking

        assert asyncio.run(go()) == [6]
    assert set(hec.indexed) == {f"t/{n}" for n in range(13) if n != 6}
    assert (one.tally.sent, one.tally.dead) == (12, 1)
    assert "code 6: not the data" in one.tally.refusal


def test_what_is_not_acknowledged_yet_is_asked_about_and_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sinks.splunk.ACK_PAUSE", 0.005)
    hec = Hec(indexing=False)
    with collector(hec) as told:
        one = shipment(told.url, tmp_path, patience=0.05)

        async def look(_seconds: float) -> None:
            assert "has not indexed" in one.tally.trouble
            if one.tally.failures >= 3:
                hec.indexing = True
                # It says so once only: on a busy machine that answer must not come too late.
                assert isinstance(one.sink, HttpSink)
                one.sink._hec._patience = 60.0

        one.sleep = look

        deliver(one, batch(3), batch(2, 3))
    assert hec.indexed == [f"t/{n}" for n in range(5)]
    assert hec.posts == 2


def test_what_was_lost_before_it_was_indexed_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sinks.splunk.ACK_PAUSE", 0.005)
    monkeypatch.setattr("engine.sinks.splunk.RESEND_SECONDS", 0.0)
    hec = Hec(indexing=False)
    with collector(hec) as told:
        one = shipment(told.url, tmp_path, patience=0.05)

        async def look(_seconds: float) -> None:
            hec.waiting.clear()  # It was started anew.
            hec.indexing = True
            assert isinstance(one.sink, HttpSink)
            one.sink._hec._patience = 60.0  # Now it answers, however busy the machine is.

        one.sleep = look

        deliver(one, batch(3))
    assert hec.indexed == ["t/0", "t/1", "t/2"]
    assert hec.posts == 2


def test_a_token_without_acknowledgement_gets_a_batch_no_second_time_until_it_is_enabled(
    tmp_path: Path,
) -> None:
    hec = Hec(acks=False)
    with collector(hec) as told:
        one = shipment(told.url, tmp_path)

        async def look(_seconds: float) -> None:
            assert "acknowledgement is not enabled" in one.tally.trouble
            if one.tally.failures == 4:
                assert hec.posts == 1
                hec.acks = True

        one.sleep = look

        deliver(one, batch(3))
    assert hec.indexed == ["t/0", "t/1", "t/2"]
    assert hec.posts == 2
