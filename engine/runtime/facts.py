"""Facts and list files: their bytes in, tables and sets out, every wrong cell as a diagnostic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Attributes of *group* by id. Each row has a value for every one of *columns*, None where absent.

    *columns* are attribute names below the group, such as ``plan`` or ``limits.daily``.
    """

    group: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[object, ...]]
