"""A process as its supervisor sees it: how it ended, when its line is closed."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Any

import pytest

from engine.daemon import line as say
from engine.daemon import member as members
from engine.daemon.member import Member, WorkerError

CLOSES = """
import socket, sys, time
socket.socket(fileno=int(sys.argv[1])).close()
time.sleep(float(sys.argv[2]))
"""


async def nothing(_message: Any) -> Any:
    return say.Done()


def ending(seconds: float) -> str:
    """Ask a process that closes its line and ends after so many *seconds*; return what is told."""

    async def ask() -> str:
        ours, its = socket.socketpair()
        with its:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own interpreter and text
                [sys.executable, "-c", CLOSES, str(its.fileno()), str(seconds)],
                pass_fds=(its.fileno(),),
            )
        member = Member(0, process)
        try:
            await member.connect(ours, nothing)
            with pytest.raises(WorkerError) as found:
                await member.ask(say.Ping(), say.Alive, 60)
        finally:
            await member.kill()
        return str(found.value)

    return asyncio.run(ask())


def test_who_closes_its_line_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "LEAVE_SECONDS", 60.0)  # An interpreter takes its time to end.
    assert ending(0.5) == "worker 0 ended: exit code 0"


def test_who_closes_its_line_and_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "LEAVE_SECONDS", 0.1)
    assert ending(3600) == "worker 0 ended: signal 9"
