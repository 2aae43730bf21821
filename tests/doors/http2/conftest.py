from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.doors.http2.attackers import Target, serving


@pytest.fixture
def loop() -> Iterator[None]:
    """Run in an event loop that never turns: a connection does all at once."""
    made = asyncio.new_event_loop()
    asyncio._set_running_loop(made)
    yield
    asyncio._set_running_loop(None)
    made.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Target]:
    """Serve with the limits that there are by themselves: one server for all attacks."""
    with serving() as target:
        yield target
