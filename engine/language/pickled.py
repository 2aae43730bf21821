"""Trees to bytes and back, for the cache.

Python's own way of pickling a frozen dataclass sets its fields one by one from Python code; here a
value is written as its class and arguments, which loads about three times as fast. Reading runs
code: only what comes from a folder that nobody else can write may be loaded, see ``compile``.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from io import BytesIO
from typing import Any

Reduced = tuple[type, tuple[object, ...]]


class Reducers(dict[type, Callable[[Any], Reduced]]):
    """How values of a class are written; a dataclass gets its entry when it is first met."""

    def __missing__(self, kind: type) -> Callable[[Any], Reduced]:
        """Return the entry for *kind*, or raise KeyError when pickle knows better."""
        if not is_dataclass(kind):
            raise KeyError(kind)
        names = tuple(field.name for field in fields(kind))

        def reduce(value: Any) -> Reduced:
            return kind, tuple([getattr(value, name) for name in names])

        self[kind] = reduce
        return reduce


REDUCERS = Reducers()


def dump_tree(tree: object) -> bytes:
    """Return *tree* as bytes."""
    buffer = BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = REDUCERS
    pickler.dump(tree)
    return buffer.getvalue()


def load_tree(data: bytes) -> Any:
    """Return what ``dump_tree`` wrote. *data* must come from a trusted place."""
    return pickle.loads(data)  # noqa: S301 - see the module
