"""A process of its own: a policy folder in, compiled policies in the cache and one JSON line out.

``python -m engine.service.compiling FOLDER CACHE [FINDER]``
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.language import catalog_files as catalog
from engine.service.cache import CacheFolderError, open_cache
from engine.service.compiled import PolicyError, compile_folder
from engine.service.compiler import Finder, Outcome
from engine.service.nets import keep_net

POLITE = 10
"""How much the compiler steps back behind the process that decides (see ``nice``): on a core that
has no rest it gets a tenth, so that a reload comes to its end there too."""


def compile_into(folder: Path, cache_folder: Path, finder: Finder = "auto") -> Outcome:
    """Return the outcome of compiling *folder* into the cache, its net too if *finder* uses it."""
    try:
        cache = open_cache(cache_folder)
        bundle = compile_folder(folder, cache)
    except PolicyError as error:
        return Outcome(diagnostics=error.diagnostics, text=str(error))
    except CacheFolderError as error:
        why = str(error)
        return Outcome(diagnostics=(catalog.not_compiled(str(folder), why),), text=why)
    if finder != "re2":
        keep_net(bundle, cache)
    cache.trim()
    return Outcome(revision=bundle.revision)


def step_back() -> None:
    """Let others go first: this process has time, and wakes up in front of nobody."""
    os.nice(POLITE)
    with suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main(arguments: list[str]) -> None:
    """Compile what the command line names and print the outcome."""
    step_back()
    gc.disable()  # the process is short and makes trees without cycles
    folder, cache, *finder = arguments
    outcome = compile_into(Path(folder), Path(cache), *msgspec.convert(finder, list[Finder]))
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
