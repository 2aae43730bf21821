"""A block in which so many files may be opened, and no more."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def few_files(free: int) -> Iterator[None]:
    """Let *free* more files be open at once in this process, within the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(one.name) for one in Path("/proc/self/fd").iterdir()}
    most = next(one for one in count() if one - sum(each < one for each in taken) == free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
