"""The JSON arguments of a tool in; the texts in them out, that detectors and limits look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from engine.runtime.told import told_in


def texts_in(value: object) -> Iterator[str]:
    """Yield every string of a JSON *value* and the digits of its whole numbers, not the names."""
    match value:
        case str():
            yield value
        case bool():
            pass
        case int():
            yield str(value)
        case float() if value.is_integer():
            yield str(int(value))
        case list():
            for item in value:
                yield from texts_in(item)
        case dict():
            for item in value.values():
                yield from texts_in(item)
        case _:
            pass


def names_in(value: object) -> Iterator[str]:
    """Yield every name in the objects of a JSON *value*."""
    match value:
        case list():
            for item in value:
                yield from names_in(item)
        case dict():
            for name, item in value.items():
                yield name
                yield from names_in(item)
        case _:
            pass


ARGUMENTS = "tool.args"
NAMES = "names of tool.args"
TOLD = "tool.args behind their names"
IN_ARGUMENTS: Mapping[str, Callable[[object], Iterator[str]]] = {
    ARGUMENTS: texts_in,
    NAMES: names_in,
    TOLD: told_in,
}
