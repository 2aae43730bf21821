"""Changed policy files in, a new policy set where decisions are made out; the old stays until then.

Compiling happens in another process, so that no decision waits for it; what comes back is taken
over from the cache, by one gate or by those of several processes. What does not check changes
nothing but the status, which says since when and why.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from watchfiles import Change, awatch

from engine.language import catalog_files as catalog
from engine.language.diagnostics import Diagnostic
from engine.remedies import remedy_for
from engine.service.bounded import within
from engine.service.cache import FolderCache
from engine.service.compiler import Finder, Outcome
from engine.service.shelf import FolderShelf, is_current, known_revision

PACKAGE_PARENT = Path(__file__).parents[2]
"""Where the compiler's process finds this package, wherever it is started."""

LOOK_AGAIN = 1.0
"""Seconds between looks for a folder that is missing or was replaced by another."""

MOST_CODES = 50
LONGEST_PLACE = 500
"""How many problems are recorded, and how many characters of where they are."""

ERROR_BYTES = 2000
"""How much of what a compiler that broke wrote to its standard error is told."""


class ReloadError(Exception):
    """Newer policies were not taken over; the text says why, for people.

    *diagnostics* has at least one entry.
    """

    def __init__(self, text: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(text)
        self.diagnostics = diagnostics


def tell_nobody(problem: str | None) -> None:
    """Do nothing with the outcome of a reload."""


class Attempt(NamedTuple):
    """What became of a reload. *why* it was refused: codes with places, nothing when it was not."""

    revision: str
    """What decides from now on."""
    previous: str
    why: tuple[str, ...] = ()


def record_nowhere(attempt: Attempt) -> None:
    """Do nothing with a reload."""


class Taker(Protocol):
    """Where policies are brought to."""

    @property
    def revision(self) -> str:
        """What decides now; empty for nothing."""
        ...

    async def take(self, revision: str) -> str:
        """Decide by what the cache holds as *revision*; return why not, or nothing when it does."""
        ...

    def refuse(self, why: str) -> None:
        """Note that the newest policies were not taken over."""
        ...

    def confirm(self) -> None:
        """Note that the policies that decide are the newest."""
        ...


@dataclass(slots=True)
class Reloader:
    """Brings the policies in *root* to *taker* by way of *cache*.

    *told* hears of every outcome: None, or the text of the error; *record* keeps it. *patience*
    are the seconds that compiling may take.
    """

    taker: Taker
    root: Path
    cache: FolderCache
    finder: Finder = "auto"
    patience: float = 120.0
    told: Callable[[str | None], None] = tell_nobody
    record: Callable[[Attempt], None] = record_nowhere
    _running: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: int = 0
    _covered: int = 0
    _problem: ReloadError | None = None

    async def reload(self) -> None:
        """Take over the policies as they are now; raise ReloadError when they are refused.

        Calls that arrive while a reload runs share the next one.
        """
        self._asked += 1
        mine = self._asked
        async with self._running:
            if self._covered < mine:
                self._covered = self._asked
                await self._run()
            problem = self._problem
        if problem is not None:
            raise ReloadError(str(problem), problem.diagnostics)

    async def _run(self) -> None:
        """Reload once and tell the outcome."""
        self._problem = None
        previous = self.taker.revision
        try:
            await self._renew()
        except ReloadError as error:
            self._problem = error
            self.taker.refuse(str(error))
            self.record(Attempt(self.taker.revision, previous, codes_of(error.diagnostics)))
            self.told(str(error))
        else:
            self.taker.confirm()
            self.record(Attempt(self.taker.revision, previous))
            self.told(None)

    async def _renew(self) -> None:
        """Compile, and have it taken over if it is new."""
        outcome = await compile_apart(self.root, self.cache.folder, self.patience, self.finder)
        if outcome.diagnostics:
            raise ReloadError(outcome.text, outcome.diagnostics)
        if outcome.revision == self.taker.revision:
            return
        why = await self.taker.take(outcome.revision)
        if why:
            raise broken(self.root, why)

    async def watch(self, debounce_ms: int, ignored: frozenset[Path]) -> None:
        """Reload after every change below the folder, until cancelled.

        A burst of changes is one reload, *debounce_ms* after it ends. Changes below the *ignored*
        folders and of hidden files are no changes of policies. A folder that is missing or is
        replaced by another is waited for.
        """
        seen = identity(self.root)
        while True:
            if seen is not None:
                await self._follow(seen, debounce_ms, ignored)
            else:
                await asyncio.sleep(LOOK_AGAIN)
            seen = identity(self.root)
            if seen is not None:
                await self._try()

    async def _follow(
        self, seen: tuple[int, int], debounce_ms: int, ignored: frozenset[Path]
    ) -> None:
        """Reload after every change of the folder *seen*, until it is another or gone."""
        changes = awatch(
            self.root,
            watch_filter=lambda change, path: relevant(change, Path(path), self.root, ignored),
            debounce=max(debounce_ms * 10, 1600),
            step=max(debounce_ms // 2, 10),
            rust_timeout=int(LOOK_AGAIN * 1000),
            yield_on_timeout=True,
        )
        watched = False
        try:
            while identity(self.root) == seen:
                changed = await anext(changes)
                # What changed after it was read and before it was watched is told by nobody.
                if changed or not (watched or await self._is_current()):
                    await self._try()
                watched = True
        except FileNotFoundError:
            return

    async def _is_current(self) -> bool:
        """Return whether what decides is what the folder holds; of what cannot be read it is not.

        Then the compiler is what says why.
        """
        shelf, revision = FolderShelf(self.cache, self.root), self.taker.revision
        try:
            return await within(self.patience, lambda: is_current(self.root, shelf, revision))
        except TimeoutError:
            return False

    async def _try(self) -> None:
        try:
            await self.reload()
        except ReloadError:
            return  # the status and *told* say it


def codes_of(diagnostics: Sequence[Diagnostic]) -> tuple[str, ...]:
    """Return what is wrong by code and place, but no more than the record holds."""
    errors = [one for one in diagnostics if one.severity == "error"]
    return tuple(f"{one.code} {str(one.span)[:LONGEST_PLACE]}" for one in errors[:MOST_CODES])


def relevant(change: Change, path: Path, root: Path, ignored: frozenset[Path]) -> bool:
    """Return whether a change of *path* may change the policies below *root*.

    Names such as ``..data`` count: by them a container platform replaces mounted files at once.
    """
    del change
    if any(path.is_relative_to(folder) for folder in ignored):
        return False
    parts = path.relative_to(root).parts if path.is_relative_to(root) else path.parts[-1:]
    return not any(part.startswith(".") and not part.startswith("..") for part in parts)


def identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells *folder* from another in its place, or None when there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def start_compiler(root: Path, cache: Path, finder: Finder) -> subprocess.Popen[bytes]:
    """Start the process that compiles *root* into *cache*.

    The standard library's Popen, because it starts a process by vfork. A plain fork, as of the
    event loop's own subprocesses, runs the handlers that gRPC leaves for forks, and these have
    been seen to crash the child of a process whose gRPC threads are busy.
    """
    paths = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", "engine.service.compiling", str(root), str(cache), finder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def end_compiler(starting: asyncio.Future[subprocess.Popen[bytes]]) -> None:
    """End the process that nobody waits for any more, if it was started."""
    if starting.exception() is None:
        process = starting.result()
        process.kill()
        process.communicate()


async def compile_apart(
    root: Path, cache: Path, patience: float, finder: Finder = "auto"
) -> Outcome:
    """Return how compiling *root* into *cache* went, in a process of its own.

    Raises ReloadError when that process takes longer than *patience* seconds or breaks.
    """
    loop = asyncio.get_running_loop()
    starting = loop.run_in_executor(None, start_compiler, root, cache, finder)
    try:
        process = await asyncio.shield(starting)
    except OSError as error:
        raise broken(root, f"the compiler cannot be started: {reason_of(error)}") from None
    except asyncio.CancelledError:
        starting.add_done_callback(end_compiler)  # The thread that starts it cannot be stopped.
        raise
    talk = asyncio.ensure_future(asyncio.to_thread(process.communicate))
    try:
        async with asyncio.timeout(patience):
            out, errors = await asyncio.shield(talk)
    except TimeoutError:
        why = f"compiling took longer than {patience:g} s; see `reload.timeout_seconds`"
        raise broken(root, why) from None
    finally:
        if not talk.done():
            process.kill()
            await talk
    try:
        return msgspec.json.decode(out, type=Outcome)
    except msgspec.DecodeError:
        told = errors.decode("utf-8", "replace")[-ERROR_BYTES:].strip()
        why = f"the compiler {how_ended(process.returncode)}"
        raise broken(root, f"{why}: {told}" if told else why) from None


def reason_of(error: OSError) -> str:
    """Return why something cannot be started, with the remedy where it is not at hand."""
    remedy = remedy_for(error, "")
    return f"{error.strerror}; {remedy}" if remedy else str(error.strerror)


def how_ended(code: int) -> str:
    """Return how a process ended by itself, or by whom."""
    if code == -signal.SIGKILL:
        return "was killed (signal 9), mostly by the kernel for want of memory"
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


async def look_apart(root: Path, cache: FolderCache, patience: float) -> str:
    """Return the revision of what *root* holds where *cache* knows it, else nothing.

    Raises ReloadError when that takes longer than *patience* seconds.
    """
    try:
        return await within(patience, lambda: known_revision(root, FolderShelf(cache, root)))
    except TimeoutError:
        why = (
            f"reading the policies and the cache folder {cache.folder} took longer than "
            f"{patience:g} s; see `reload.timeout_seconds`"
        )
        raise broken(root, why) from None


def broken(root: Path, why: str) -> ReloadError:
    """Return the error for a reload that failed for another reason than the policies."""
    return ReloadError(why, (catalog.not_compiled(str(root), why),))
