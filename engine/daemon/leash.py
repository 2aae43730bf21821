"""A process in, one that ends with the process that started it out."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from engine.daemon.places import EXIT_ERROR

PR_SET_PDEATHSIG = 1
"""See prctl(2)."""


def never_outlive(parent: int) -> None:
    """Have the kernel kill this process when its *parent* dies; end if it has died already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(EXIT_ERROR)
