from __future__ import annotations

from collections.abc import Generator

from engine.language.stages import whole


def test_work_in_stages_is_done_to_its_end() -> None:
    done: list[int] = []

    def work() -> Generator[None, None, str]:
        for number in range(3):
            done.append(number)
            yield
        return "made"

    assert whole(work()) == "made"
    assert done == [0, 1, 2]
