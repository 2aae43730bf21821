"""Records of which many go to the disk together, beside an event loop; and disks that fail then."""

from __future__ import annotations

import asyncio
import errno
import os
from concurrent.futures import Future as Blocked
from pathlib import Path
from threading import Event, Thread

import pytest
import uvloop

from engine.storage import beside
from engine.storage.committer import TOO_LATE
from engine.storage.durability import OnFull, Way
from engine.storage.synced import Synced
from tests.storage.committed import kept, whole
from tests.storage.disks import Kernel, ask, flying, heard, kernel_in, of
from tests.storage.made import record, verified

BROKEN = OSError(errno.EIO, "Input/output error")
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


pytestmark = pytest.mark.usefixtures("hearing")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_in(monkeypatch)


def test_what_comes_in_a_turn_or_during_a_sync_goes_together(
    tmp_path: Path, kernel: Kernel
) -> None:
    one = of(tmp_path, Way(durability="synced"))
    kernel.held = True

    async def main() -> list[str]:
        waited = [ask(one, number) for number in range(5)]
        await flying(kernel)
        for number in range(5, 30):
            waited.append(ask(one, number))
            await asyncio.sleep(0)
        assert not any(each.done() for each in waited)
        assert one.waiting == 30
        kernel.go_on()
        return list(await asyncio.gather(*waited))

    assert asyncio.run(main()) == [""] * 30
    assert (kernel.begun, sum(one.tally.syncs), one.waiting) == (2, 2, 0)
    assert one._other is None
    one.close()
    assert kept(tmp_path) == list(range(30))
    assert verified(tmp_path).signed == 30
    whole(tmp_path)


def test_a_thread_that_blocks_the_loop_waits_for_nothing_that_the_loop_would_begin(
    tmp_path: Path, kernel: Kernel
) -> None:
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> list[str]:
        kernel.held = True
        waited = [ask(one, number) for number in range(9)]
        await flying(kernel)
        waited += [ask(one, number) for number in range(9, 18)]
        await asyncio.sleep(0)
        kernel.go_on()
        while not waited[0].done():  # noqa: ASYNC110 - it is heard in a turn of this loop
            await asyncio.sleep(0)
        one.put(record(18))
        assert one.wait() == ""
        return list(await asyncio.gather(*waited))

    assert asyncio.run(main()) == [""] * 18
    one.close()
    assert kept(tmp_path) == list(range(19))
    whole(tmp_path)


@pytest.mark.parametrize("why", ["no kernel", "refused"])
def test_where_nothing_is_synced_beside_a_thread_does_it(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "refused":
        kernel.refuses = True
    else:
        monkeypatch.setattr(beside, "syncer", lambda: None)
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> list[str]:
        return list(await asyncio.gather(*(ask(one, number) for number in range(9))))

    assert asyncio.run(main()) == [""] * 9
    assert asyncio.run(main()) == [""] * 9
    assert kernel.begun == 0
    one.close()
    assert kept(tmp_path) == [*range(9), *range(9)]


def test_every_loop_hears_what_is_synced(tmp_path: Path, kernel: Kernel) -> None:
    one = of(tmp_path, Way(durability="synced"))
    for number in range(3):
        asyncio.run(_one(one, number))
    assert kernel.begun == 3

    async def closes() -> None:
        await ask(one, 3)
        one.close()

    asyncio.run(closes())
    assert kept(tmp_path) == [0, 1, 2, 3]


def test_it_may_be_closed_in_the_loop_that_hears_it(tmp_path: Path) -> None:
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> None:
        assert await ask(one, 0) == ""
        one.close()

    uvloop.run(main())  # Whose functions do not return what asyncio says.
    assert kept(tmp_path) == [0]
    whole(tmp_path)


def test_the_disk_goes_on_before_anybody_is_told(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = of(tmp_path, Way(durability="synced"))
    kernel.held = True
    waiting: list[int] = []
    begin = kernel.begin

    def begun(file: int) -> None:
        waiting.append(one.waiting)
        begin(file)

    monkeypatch.setattr(kernel, "begin", begun)

    async def main() -> None:
        first = ask(one, 0)
        await flying(kernel)
        second = ask(one, 1)
        await asyncio.sleep(0)
        kernel.go_on()
        await asyncio.gather(first, second)

    asyncio.run(main())
    assert waiting == [1, 2]
    one.close()
    assert kept(tmp_path) == [0, 1]


async def _one(one: Synced, number: int) -> None:
    assert await ask(one, number) == ""


def test_what_a_loop_has_left_in_the_air_lands(tmp_path: Path, kernel: Kernel) -> None:
    one = of(tmp_path, Way(durability="synced"))

    async def leaves(number: int) -> None:
        kernel.held = True
        ask(one, number)
        await flying(kernel, number + 1)

    asyncio.run(leaves(0))
    kernel.go_on()
    assert kernel.wait(60)
    one.tend()
    assert one.waiting == 0
    asyncio.run(leaves(1))
    kernel.go_on()
    one.stage(record(2))
    assert one.wait() == ""
    asyncio.run(leaves(2))
    kernel.go_on()
    one.close()
    assert kept(tmp_path) == [0, 1, 2, 2]
    whole(tmp_path)


def test_who_blocks_the_loop_is_told_too(tmp_path: Path, kernel: Kernel) -> None:
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> list[str]:
        kernel.held = True
        first = ask(one, 0)
        await flying(kernel)
        kernel.go_on()
        one.stage(record(1))
        said = one.wait()
        return [await first, said, await ask(one, 2)]

    assert asyncio.run(main()) == ["", "", ""]
    one.close()
    assert kept(tmp_path) == [0, 1, 2]


def test_who_will_block_holds_nobody_up_before(tmp_path: Path, kernel: Kernel) -> None:
    one = of(tmp_path, Way(durability="synced", on_full="block"))
    told: list[Blocked[str] | None] = []

    async def main() -> list[str]:
        kernel.held = True
        first = ask(one, 0)
        await flying(kernel)
        one.stage(record(1))
        asks = Thread(target=lambda: told.append(one.waited()), daemon=True)
        asks.start()
        asks.join(60)  # The disk is busy until it has come back.
        assert len(told) == 1
        kernel.go_on()
        assert told[0] is not None
        return [one.block(told[0]), await first, await ask(one, 2)]

    assert asyncio.run(main()) == ["", "", ""]
    one.close()
    assert kept(tmp_path) == [0, 1, 2]
    whole(tmp_path)


@pytest.mark.parametrize(("on_full", "why"), [("deny", TOO_LATE), ("drop", "")])
def test_a_sync_that_hangs_is_not_waited_for(
    tmp_path: Path, kernel: Kernel, on_full: OnFull, why: str
) -> None:
    one = of(tmp_path, Way(durability="synced", on_full=on_full, patience=0.01))

    async def main() -> list[str]:
        kernel.held = True
        said = [await ask(one, 0)]
        one.stage(record(1))
        said.append(one.wait())
        kernel.go_on()
        return said

    assert asyncio.run(main()) == [why, why]
    one.close()
    numbers = [each for each in kept(tmp_path) if isinstance(each, int)]
    assert numbers == [0, 1]
    whole(tmp_path)


def test_what_the_kernel_has_failed_to_sync_goes_into_another_segment(
    tmp_path: Path, kernel: Kernel
) -> None:
    said: list[str] = []
    one = of(tmp_path, Way(durability="synced"), said)

    async def main() -> None:
        assert await ask(one, 0) == ""
        kernel.ends = [BROKEN]
        kernel.held = True
        first = ask(one, 1)
        await flying(kernel, 2)
        second = ask(one, 2)
        kernel.go_on()
        assert [await first, await second] == ["", ""]
        assert await ask(one, 3) == ""

    asyncio.run(main())
    one.close()
    assert [each for each in kept(tmp_path) if isinstance(each, int)] == [0, 1, 2, 3]
    assert (0, 0, 0) in kept(tmp_path)
    assert said == ["the disk failed: Input/output error; a new segment goes on"]
    assert one.tally.failures == 1
    whole(tmp_path)


@pytest.mark.parametrize(("on_full", "why"), [("deny", "Input/output error"), ("drop", "")])
def test_what_is_failed_twice_is_as_was_chosen(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, on_full: OnFull, why: str
) -> None:
    one = of(tmp_path, Way(durability="synced", on_full=on_full))

    def fails(_file: int) -> None:
        raise BROKEN

    async def main() -> None:
        assert await ask(one, 0) == ""
        kernel.ends = [BROKEN]
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fails)
            waited = [ask(one, 1), ask(one, 2)]
            assert list(await asyncio.gather(*waited)) == [why, why]
        assert await ask(one, 3) == ""

    asyncio.run(main())
    one.close()
    lost = (2, 0, 0) if on_full == "drop" else (0, 2, 0)
    assert kept(tmp_path) == [0, lost, 3]
    whole(tmp_path)


# --- a full disk ---------------------------------------------------------------------------------


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Event:
    """A disk that is full while this is set."""
    is_full, write = Event(), os.write

    def patched(file: int, data: bytes) -> int:
        if is_full.is_set():
            raise NO_ROOM
        return write(file, data)

    monkeypatch.setattr(os, "write", patched)
    return is_full


@pytest.mark.parametrize("on_full", ["deny", "drop", "block"])
def test_what_does_not_fit_at_the_end_of_a_turn_is_as_was_chosen(
    tmp_path: Path, kernel: Kernel, full: Event, on_full: OnFull
) -> None:
    said: list[str] = []
    one = of(tmp_path, Way(durability="synced", on_full=on_full), said)

    async def main() -> list[str]:
        kernel.held = True
        first = ask(one, 0)
        await flying(kernel)
        full.set()
        waited = [ask(one, 1), ask(one, 2)]
        await asyncio.sleep(0)
        assert (one.stuck, first.done()) == (True, False)
        if on_full != "block":
            await asyncio.gather(*waited)
        full.clear()
        kernel.go_on()
        last = ask(one, 3)
        return list(await asyncio.gather(first, *waited, last))

    why = "No space left on device" if on_full == "deny" else ""
    assert asyncio.run(main()) == ["", why, why, ""]
    one.close()
    found = {"deny": [0, (0, 2, 0), 3], "drop": [0, (2, 0, 0), 3], "block": [0, 1, 2, 3]}
    assert kept(tmp_path) == found[on_full]
    assert said == [
        f"nothing can be written (No space left on device): {on_full}",
        "there is room again",
    ]
    whole(tmp_path)


def test_what_was_refused_before_anybody_asks_is_told(
    tmp_path: Path, kernel: Kernel, full: Event
) -> None:
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> list[str]:
        assert await ask(one, 0) == ""
        full.set()
        one.stage(record(1))
        with pytest.raises(OSError, match="No space left"):  # It cannot be signed, either.
            one.tend()
        told = heard(one)
        assert told is not None
        said = [await told, one.wait()]
        with pytest.raises(OSError, match="No space left"):
            one.put(record(2))
        assert (heard(one), one.wait()) == (None, "")
        full.clear()
        return said

    assert asyncio.run(main()) == ["No space left on device"] * 2
    one.close()
    assert kept(tmp_path) == [0, (0, 2, 0)]
    assert kernel.begun >= 1


def test_a_dropped_record_is_answered(tmp_path: Path, full: Event) -> None:
    one = of(tmp_path, Way(durability="synced", on_full="drop"))
    full.set()
    one.put(record(0))
    assert one.wait() == ""
    full.clear()
    one.close()
    assert kept(tmp_path) == [(1, 0, 0)]


@pytest.mark.parametrize("on_full", ["deny", "drop"])
def test_a_disk_that_hangs_takes_a_bounded_share_of_memory(
    tmp_path: Path, kernel: Kernel, on_full: OnFull
) -> None:
    size = len(record(0))
    one = of(tmp_path, Way(durability="synced", on_full=on_full, most_bytes=3 * size))

    async def main() -> None:
        kernel.held = True
        waited = [ask(one, number) for number in range(3)]
        if on_full == "deny":
            for keep in (one.stage, one.put):
                with pytest.raises(OSError, match="as much waits for room as may"):
                    keep(record(3))
        else:
            one.stage(record(3))
        assert heard(one) is None
        await flying(kernel)
        kernel.go_on()
        assert list(await asyncio.gather(*waited)) == [""] * 3
        assert await ask(one, 4) == ""

    asyncio.run(main())
    one.close()
    lost = (1, 0, 0) if on_full == "drop" else (0, 2, 0)
    assert kept(tmp_path) == [lost, 0, 1, 2, 4]
