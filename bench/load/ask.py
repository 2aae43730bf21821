"""A load in, what was measured out: the process that asks, as its parent sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.load.spec import Load, Loaded

ROOT = Path(__file__).parent.parent.parent


class LoadError(Exception):
    """A load could not be asked, or an answer was wrong."""


class Child:
    """A process of a bench that stays on a core, until the block ends."""

    def __init__(self, module: str, core: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(core)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.process.communicate()


class Generator(Child):
    """The process that asks, on a core of its own. It serves one measurement after another."""

    def __init__(self, core: int) -> None:
        super().__init__("bench.load.generate", core)

    def measure(self, load: Load) -> Loaded:
        """Return what *load* has measured; raise `LoadError` unless every answer was right."""
        told = self.try_out(load)
        if told.wrong or not told.answered:
            msg = f"{told.wrong} of {told.asked} answers were wrong: {told.problem}"
            raise LoadError(msg)
        return told

    def try_out(self, load: Load) -> Loaded:
        """Return what *load* has measured, whatever the answers were."""
        source, out = self.process.stdout, self.process.stdin
        assert source is not None
        assert out is not None
        sent = msgspec.msgpack.encode(load)
        out.write(len(sent).to_bytes(4, "big") + sent)
        out.flush()
        size = int.from_bytes(source.read(4), "big")
        told = msgspec.msgpack.decode(source.read(size), type=Loaded | str)
        if isinstance(told, str):
            raise LoadError(told)
        return told
