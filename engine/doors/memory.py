"""Memory that could not be had -> what is said of it: to the caller a sentence, to the log why."""

from __future__ import annotations

import logging
from typing import Final

LOG = logging.getLogger("engine.doors")

WITHOUT: Final = "the engine has no memory for it: try again"
REMEDY: Final = (
    "give the process more, or lower `limits.message_bytes` or `grpc.limits.held_megabytes`"
)


def tell(what: str) -> None:
    """Log that there was no memory for *what*, and what became of it."""
    LOG.error("there was no memory for %s; %s", what, REMEDY)
