"""What the process that compiles is told, and what it tells; see `compiling`."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.language.diagnostics import Diagnostic

Finder = Literal["auto", "hyperscan", "re2"]
"""What finds: Hyperscan where it can be imported, always (or it is an error), or never."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Either the revision under which the cache holds the policies, or why there is none."""

    revision: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    text: str = ""
    """The diagnostics, rendered for people."""
