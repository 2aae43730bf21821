from __future__ import annotations

import asyncio
from threading import Event, get_ident

import pytest

from engine.service.apart import Apart
from engine.storage.reviews import ReviewsUnavailable


def test_what_takes_long_is_done_in_another_thread() -> None:
    apart = Apart(1)
    assert asyncio.run(apart.do(get_ident)) != get_ident()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(apart.do(lambda: 1 // 0))
    apart.close()


def test_others_go_on_while_something_is_waited_for() -> None:
    apart = Apart(1)
    done = Event()

    async def both() -> None:
        waits = asyncio.ensure_future(apart.do(done.wait))
        await asyncio.sleep(0)
        done.set()
        assert await waits

    asyncio.run(both())
    apart.close()


def test_no_more_than_so_much_waits() -> None:
    apart = Apart(1, most=2)
    go_on = Event()
    waits = [apart.send(go_on.wait) for _ in range(2)]
    with pytest.raises(ReviewsUnavailable, match="too many wait"):
        apart.send(get_ident)
    go_on.set()
    assert [one.result() for one in waits] == [True, True]
    apart.send(get_ident).result()
    apart.close()


def test_what_has_waited_too_long_is_given_up() -> None:
    now = [0.0]
    apart = Apart(1, patience=2.0, clock=lambda: now[0])
    go_on = Event()
    apart.send(go_on.wait)
    late = apart.send(get_ident)
    now[0] = 3.0
    go_on.set()
    with pytest.raises(ReviewsUnavailable, match="too many wait"):
        late.result()
    apart.close()
