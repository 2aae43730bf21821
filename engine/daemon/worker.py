"""A worker: one process of several that decide, told by the supervisor what to do.

``python -m engine.daemon.worker SOCKET SUPERVISOR`` with the descriptor of its end of the
line and the supervisor's process id. It never outlives the supervisor.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from engine.daemon.leash import never_outlive
from engine.language.collection import without_collection

DESK = "engine.daemon.desk"


def main(arguments: Sequence[str]) -> int:
    """Run the worker that the command line describes; return its exit code."""
    end, supervisor = (int(one) for one in arguments)
    never_outlive(supervisor)
    # What is loaded stays: to look through it a hundred times meanwhile takes a twentieth longer.
    with without_collection():
        desk = importlib.import_module(DESK)
    code: int = desk.work(end)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
