"""Who answers a byte at a time holds up nobody for longer than a notice may take."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from engine.sinks import notify_dial, notify_smtp
from engine.sinks.notice import NotSent
from engine.sinks.notify_dial import dialled, sever
from engine.sinks.notify_smtp import Mail, Tls
from tests.sinks.test_notify import NOTICE, PLAIN, hook

PAUSE = 0.01
LATE = r"it was not done within 0\.3 s|The handshake operation timed out"
"""A handshake has an end of its own."""
LONG = 6000
"""Bytes that take a minute: by then what is tested has failed, and says otherwise."""
HELLO = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"
"""What a server of TLS begins with: 16 KB are to come."""


@contextmanager
def dripping(at_once: bytes, then: bytes = b"x") -> Iterator[int]:
    """Serve on loopback what is said *at_once*, and then one byte after the other."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _ = server.accept()
            with line, suppress(OSError):
                line.sendall(at_once)
                for _ in range(LONG):
                    if done.wait(PAUSE):
                        return
                    line.sendall(then)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def mail(port: int, tls: Tls) -> Mail:
    return Mail("127.0.0.1", port, tls, "", "", "a@b.example", ("c@d.example",), 0.3, PLAIN)


@pytest.mark.parametrize(
    ("scheme", "at_once"), [("http", b"HTTP/1.1 "), ("http", b""), ("https", HELLO)]
)
def test_an_answer_that_drips_is_given_up(scheme: str, at_once: bytes) -> None:
    with dripping(at_once) as port, pytest.raises(NotSent, match=LATE):
        hook(f"{scheme}://127.0.0.1:{port}", seconds=0.3).send(NOTICE)


def test_what_was_taken_is_sent_though_the_rest_of_the_answer_drips() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n") as port:
        hook(f"http://127.0.0.1:{port}", seconds=0.3).send(NOTICE)


@pytest.mark.parametrize(
    ("tls", "at_once"), [("none", b"220-"), ("starttls", b"220 hello\r\n250-"), ("tls", HELLO)]
)
def test_a_mail_server_that_drips_is_given_up(
    tls: Tls, at_once: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No step ends before all of them: whoever drips may not have its turn for as long as one.
    monkeypatch.setattr(notify_smtp, "STEPS", 1)
    with dripping(at_once) as port, pytest.raises(NotSent, match=LATE):
        mail(port, tls).send(NOTICE)


def test_what_ends_by_itself_when_the_time_is_over_is_late_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notify_dial, "sever", lambda *_: None)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(NotSent, match="it was not done within 0 s"),
        dialled("127.0.0.1", server.getsockname()[1], 60.0, 0.0),
    ):
        raise TimeoutError("timed out")


def test_what_is_over_already_is_not_ended_again() -> None:
    here, there = socket.socketpair()
    late = threading.Event()
    with there:
        here.close()
        sever(here, late)
    assert late.is_set()


def test_what_was_taken_is_sent_though_the_rest_of_the_answer_is_odd() -> None:
    odd = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n"
    with dripping(odd) as port:
        hook(f"http://127.0.0.1:{port}").send(NOTICE)


@pytest.mark.parametrize("host", ["a..example", "a" * 64])
def test_what_can_be_no_host_is_told(host: str) -> None:
    with pytest.raises(NotSent, match="no name of a machine"), dialled(host, 25, 1, 1):
        pass
