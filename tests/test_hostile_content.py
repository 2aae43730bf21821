"""Content meant to do harm, sent to a running daemon: it answers, goes on, and tells nothing."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from engine.wire import classifier_pb2
from engine.wire import engine_pb2 as wire
from tests.classifiers.servers import Server, Talk, grpc_server, http_server, page, scores
from tests.daemon.running import PATIENCE, Running, daemon
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

QUICK = ("--listen=127.0.0.1:0", "--metrics=", "--log-format=json", "--log-level=debug")
LARGE = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
ENGINE = "/engine.v1.PolicyEngine/"
SECRET_WORD = "zyzzyva"
"""Stands in what is sent, and must not stand in what is written down."""

POLICIES = """
list odd from "odd.txt"
entity desk.odd { terms odd }
entity desk.ticket { pattern /(?i)zyzzyva-[0-9]{4}/ }
entity desk.line { pattern /(?i)line zyzzyva-[0-9]{4} of [0-9]{2}/ }

policy desk {
  default allow
  rule odd { when content has desk.odd then redact desk.odd }
  rule nested {
    when content has desk.line, desk.ticket, pii.email
    then redact desk.line, desk.ticket, pii.email
  }
  rule orders { when injection(content) >= 0.8 then deny "no orders" }
}
"""
ODD = "\n\n  \nforbidden\r\nforbidden\n\t\nFORBIDDEN\n\u00e9clair\ne\u0301clair\n\n"


@dataclass(slots=True)
class Desk:
    """A running daemon, a channel to it, and where it writes."""

    running: Running
    channel: Any
    folder: Path

    def decide(self, content: str = "", **fields: Any) -> wire.Decision:
        return wire.Decision.FromString(self.raw(asked(content, **fields).SerializeToString()))

    def raw(self, message: bytes, method: str = "Decide") -> bytes:
        answer: bytes = self.channel.unary_unary(ENGINE + method)(message, timeout=PATIENCE)
        return answer

    def refused(self, message: bytes, method: str = "Decide") -> Any:
        with pytest.raises(grpc.RpcError) as caught:
            self.raw(message, method)
        return caught.value

    def written(self) -> str:
        """Return all that the daemon has written: its log and its record."""
        return self.running.log() + (self.folder / "data/decisions.jsonl").read_text()


def asked(content: str = "", **fields: Any) -> wire.DecideRequest:
    given = {"tenant_id": "north", "user_id": "u1", "stage": wire.STAGE_REQUEST}
    return wire.DecideRequest(**{**given, "content": content, **fields})


@contextmanager
def desk(folder: Path, *options: str) -> Iterator[Desk]:
    with daemon(folder, *QUICK, *options) as running:
        with grpc.insecure_channel(running.address, LARGE) as channel:
            yield Desk(running, channel, folder)
        assert running.stop() == 0
        written = Desk(running, None, folder).written()
        assert SECRET_WORD not in written.casefold()
        assert "Traceback" not in written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"desk.pol": POLICIES, "odd.txt": ODD})
    return tmp_path


def recorded(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "data/decisions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


# --- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "effective"),
    [("refuse", None), ("deny", wire.ACTION_DENY), ("escalate", wire.ACTION_ESCALATE)],
)
def test_fifty_megabytes_are_answered_as_is_set(
    folder: Path, action: str, effective: int | None
) -> None:
    content = f"{SECRET_WORD} " * (50_000_000 // len(SECRET_WORD))
    with desk(folder, f"--set=limits.on_content_too_large={action}") as one:
        if effective is None:
            error = one.refused(asked(content).SerializeToString())
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "content too large" in str(error.trailing_metadata())
            assert SECRET_WORD not in str(error.trailing_metadata())
        else:
            found = one.decide(content)
            assert found.effective_action == effective
            assert [reason.message for reason in found.reasons] == ["content too large"]
            assert SECRET_WORD not in str(found)
        assert one.decide("hello").effective_action == wire.ACTION_ALLOW
    decisions = [one for one in recorded(folder) if one["kind"] == "decision"]
    assert len(decisions) == 1 + (effective is not None)


def test_a_message_over_the_limit_of_bytes_is_refused_and_the_daemon_goes_on(folder: Path) -> None:
    with desk(folder, "--set=limits.message_bytes=100000") as one:
        error = one.refused(asked(f"{SECRET_WORD} " * 20_000).SerializeToString())
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert one.decide("hello").effective_action == wire.ACTION_ALLOW


def test_ten_megabytes_are_looked_at_while_others_are_served(folder: Path) -> None:
    prose = "the plan was discussed at length and nobody objected to it. "
    content = f"{prose * 83_000}{SECRET_WORD}-1234 {prose * 83_000}"
    with (
        desk(folder, "--set=limits.content_characters=20000000") as one,
        ThreadPoolExecutor(1) as pool,
    ):
        large = pool.submit(one.decide, content)
        served = 0
        while not large.done():
            assert one.decide("hello").effective_action == wire.ACTION_ALLOW
            served += 1
        found = large.result()
    assert served
    assert found.effective_action == wire.ACTION_REDACT
    assert found.content == content.replace(f"{SECRET_WORD}-1234", "[TICKET]")


# --- characters -----------------------------------------------------------------------------------


def test_texts_that_are_not_utf8_are_refused_by_every_method(folder: Path) -> None:
    good = asked(f"{SECRET_WORD} x").SerializeToString()
    bad = good.replace(f"{SECRET_WORD} x".encode(), f"{SECRET_WORD} ".encode() + b"\xff")
    assert bad != good
    with desk(folder) as one:
        for method in ("Decide", "Explain"):
            error = one.refused(bad, method)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert SECRET_WORD not in str(error)
        several = b"".join(b"\x0a" + bytes([len(each)]) + each for each in (bad, good))
        answer = one.raw(several, "DecideBatch")
        first, second = wire.DecideBatchResponse.FromString(answer).decisions
        assert first.error.code == 3  # INVALID_ARGUMENT
        assert first.effective_action != wire.ACTION_ALLOW
        assert second.effective_action == wire.ACTION_ALLOW
        assert SECRET_WORD.encode() not in answer
        stream = one.channel.stream_stream(f"{ENGINE}DecideStream")
        first, second = stream(iter([bad, good]), timeout=PATIENCE)
        assert wire.Decision.FromString(first).error.code == 3  # INVALID_ARGUMENT
        assert wire.Decision.FromString(second).effective_action == wire.ACTION_ALLOW
        opened = asked(stage=wire.STAGE_RESPONSE)
        opened.ClearField("content")
        pieces = [wire.Chunk(open=opened), wire.Chunk(utf8=b"\xc3("), wire.Chunk(last=True)]
        guard = one.channel.stream_stream(f"{ENGINE}Guard")
        with pytest.raises(grpc.RpcError) as caught:
            list(guard(iter([piece.SerializeToString() for piece in pieces]), timeout=PATIENCE))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        error = one.refused(asked(context_json=b'{"x": "\xff"}').SerializeToString())
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert one.decide("hello").effective_action == wire.ACTION_ALLOW


@pytest.mark.parametrize(
    "content",
    [
        "\u0301" * 200_000,
        "a\u0301\u0302\u0303" * 50_000,
        "\u200b" * 200_000,
        "%41" * 60_000,
        "&#x41;" * 30_000,
        "\u202e\u2066" * 50_000,
        "1 " * 20_000,
        "\0" * 1_000,
        "(" * 100_000,
        "\U0010ffff" * 50_000,
    ],
    ids=("marks", "stacks", "invisible", "percent", "entities", "bidi", "digits", "nul", "open",
         "last"),
)  # fmt: skip
def test_texts_of_odd_characters_are_decided(folder: Path, content: str) -> None:
    with desk(folder) as one:
        found = one.decide(f"{content} {SECRET_WORD}-1234")
        assert found.effective_action == wire.ACTION_REDACT
        assert found.content == f"{content} [TICKET]"


# --- findings and lists ---------------------------------------------------------------------------


def test_of_overlapping_and_nested_findings_nothing_sticks_out(folder: Path) -> None:
    with desk(folder) as one:
        for content, shown in (
            (f"line {SECRET_WORD}-1234 of 56.", "[LINE]."),
            (f"{SECRET_WORD}-1234@example.org", "[EMAIL]"),
            (f"ann@{SECRET_WORD}-1234.org", "[EMAIL]"),
            (f"line {SECRET_WORD}-1234 of 5", "line [TICKET] of 5"),
            (f"{SECRET_WORD}-1234{SECRET_WORD}-5678", "[TICKET][TICKET]"),
        ):
            assert one.decide(content).content == shown
    kept = recorded(folder)
    assert kept[0]["redactions"] == [{"entity": "desk.line", "path": "content", "length": 23}]


def test_empty_lines_and_doubles_in_a_list_are_no_terms(folder: Path) -> None:
    with desk(folder) as one:
        assert one.decide("a b\n\n \t c").effective_action == wire.ACTION_ALLOW
        assert one.decide("a Forbidden e\u0301clair").content == "a [ODD] [ODD]"


# --- classifiers ----------------------------------------------------------------------------------


ASKING = """
classifier toxicity {{ endpoint = "{endpoint}" timeout = 300ms on_failure = "{failing}" }}
policy talk {{
  default allow
  rule rude {{ when stage == "request" and classifier.toxicity(content) >= 0.9 then deny "rude" }}
}}
"""


def short(_server: Server, connection: socket.socket, texts: list[str]) -> bool:
    """Promise more than there is."""
    body = scores(*(0.0 for _ in texts))
    connection.sendall(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 9}\r\n\r\n".encode() + body
    )
    return False


def long(_server: Server, connection: socket.socket, texts: list[str]) -> bool:
    """Promise less than there is: what follows is no answer."""
    body = scores(*(0.0 for _ in texts))
    connection.sendall(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) - 3}\r\n\r\n".encode() + body
    )
    return True


def hanging(server: Server, _connection: socket.socket, _texts: list[str]) -> bool:
    server.release.wait(PATIENCE)
    return False


def dying(_server: Server, connection: socket.socket, _texts: list[str]) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    return False


def many(_server: Server, connection: socket.socket, texts: list[str]) -> bool:
    connection.sendall(page(scores(*(0.0 for _ in (*texts, "one more")))))
    return True


def repeating(_server: Server, connection: socket.socket, texts: list[str]) -> bool:
    """Say what was sent where an error is told."""
    connection.sendall(page(" ".join(texts).encode()))
    return True


@pytest.mark.parametrize("talk", [short, long, hanging, dying, many, repeating])
@pytest.mark.parametrize("failing", ["deny", "escalate", "allow"])
def test_a_model_server_that_lies_hangs_or_dies_does_what_is_set(
    tmp_path: Path, talk: Talk, failing: str
) -> None:
    actions = {"deny": wire.ACTION_DENY, "escalate": wire.ACTION_ESCALATE,
               "allow": wire.ACTION_ALLOW}  # fmt: skip
    with http_server(talk) as server:
        asking = ASKING.format(endpoint=server.endpoint, failing=failing)
        write_folder(tmp_path / "policies", {"talk.pol": asking})
        with desk(tmp_path) as one:
            found = one.decide(f"{SECRET_WORD} one")
            assert found.effective_action == actions[failing]
            assert SECRET_WORD not in str(found)
            other = one.decide(f"{SECRET_WORD} two", stage=wire.STAGE_RESPONSE)
            assert other.effective_action == wire.ACTION_ALLOW
        assert server.calls[0] == [f"{SECRET_WORD} one"]


def test_a_grpc_server_that_dies_in_a_call_is_asked_again_later(tmp_path: Path) -> None:
    gone = threading.Event()

    def answer(
        _server: Server, request: classifier_pb2.ClassifyRequest, context: grpc.ServicerContext
    ) -> object:
        if not gone.is_set():
            gone.set()
            context.abort(grpc.StatusCode.INTERNAL, " ".join(request.texts))
        return classifier_pb2.ClassifyResponse(scores=[0.95 for _ in request.texts])

    with grpc_server(answer) as server:
        asking = ASKING.format(endpoint=server.endpoint, failing="escalate")
        write_folder(tmp_path / "policies", {"talk.pol": asking.replace("300ms", "5s")})
        with desk(tmp_path) as one:
            failed = one.decide(f"{SECRET_WORD} one")
            assert failed.effective_action == wire.ACTION_ESCALATE
            assert SECRET_WORD not in str(failed)
            assert one.decide(f"{SECRET_WORD} one").effective_action == wire.ACTION_DENY
