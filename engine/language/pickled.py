"""Trees to bytes and back, for the cache.

Python's own way of pickling a frozen dataclass sets its fields one by one from Python code; here a
value is written as its class and arguments, which loads about three times as fast. Classes are
written as numbers (extension codes, PEP 307), as looking them up by name takes as long again for a
small file. The numbers need not last: what is kept is only read by the very same source code.

Reading runs code: only what comes from a folder that nobody else can write may be loaded, see
``compile``.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from io import BytesIO
from itertools import chain
from types import ModuleType
from typing import Any

from engine.language import program, text, typed, types

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

FIRST_CODE = 0x506F6C00
"""Far from the codes that others might use."""
FIRST_SYNTAX = 0x506F6D00
"""Of the syntax trees, which only the compiler keeps."""


def classes_of(module: ModuleType) -> list[type]:
    """Return the classes that *module* defines, in its order."""
    found = [one for one in vars(module).values() if isinstance(one, type)]
    return [one for one in found if one.__module__ == module.__name__]


def number(modules: Iterable[ModuleType], first: int) -> None:
    """Have the classes of *modules* written as numbers, from *first* on."""
    for code, kind in enumerate(chain.from_iterable(map(classes_of, modules)), first):
        copyreg.add_extension(kind.__module__, kind.__qualname__, code)


number((text, types, typed, program), FIRST_CODE)


def dump_tree(tree: object) -> bytes:
    """Return *tree* as bytes."""
    buffer = BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = REDUCERS
    pickler.dump(tree)
    return buffer.getvalue()


def load_tree(data: bytes | memoryview) -> Any:
    """Return what ``dump_tree`` wrote. *data* must come from a trusted place."""
    return pickle.loads(data)  # noqa: S301 - see the module
