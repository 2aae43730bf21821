# GENERATED from engine/sources.py by grammar/generate.py, do not edit.
"""Whether modules run compiled, and how they are made to run from their sources.

An installed client has compiled modules beside some of its sources (`hatch_build.py`). They mean
the same. With ``ENGINE_PURE`` set the sources are imported all the same: for debuggers, profilers
and coverage, and to find out whether compiling is to blame.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

PURE = "ENGINE_PURE"
"""The environment variable; set to anything but the empty text."""
GROUP = "pol_client__mypyc"
"""What all compiled modules are in together."""


def is_compiled() -> bool:
    """Return whether modules that are compiled are used so."""
    return not os.environ.get(PURE) and find_spec(GROUP) is not None


def import_sources(folder: Path) -> None:
    """Import what is in *folder*, and not imported yet, from sources from now on."""
    inside = str(folder)

    def find(path: str) -> FileFinder:
        if path != inside and not path.startswith(inside + "/"):
            raise ImportError
        return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, find)
    for path in [*sys.path_importer_cache]:
        if path == inside or path.startswith(inside + "/"):
            del sys.path_importer_cache[path]


if os.environ.get(PURE):
    import_sources(Path(__file__).parent)
