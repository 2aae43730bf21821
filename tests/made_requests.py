"""Hypothesis strategies: requests that fit the schema of ``vocabulary``."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.language.types import ListOf, SetOf, Type
from tests.vocabulary import BIG, OPTIONAL, REQUIRED, VALUES

SCALAR_JSON = st.sampled_from([None, True, False, 0, 1, 2.5, "a", "north", "", BIG])
JSONS = st.recursive(
    SCALAR_JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=6,
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, object]:
    """Draw a request in the door's form that fits the schema."""
    flat: dict[str, object] = {}
    for path, type_ in REQUIRED.items():
        if path != "now":
            flat[path] = draw(values(type_))
    for path, type_ in OPTIONAL.items():
        if draw(st.booleans()):
            flat[path] = draw(values(type_))
    for path in ("tenant.id", "user.id", "session.id"):
        if flat.get(path) == "":
            flat[path] = "a"
    for path in ("usage.input_tokens", "usage.output_tokens", "usage.cost_usd"):
        if path in flat and flat[path] < 0:  # type: ignore[operator]  # a number by the schema
            flat[path] = 1
    flat["tool.args"] = draw(st.dictionaries(st.sampled_from("xyz"), JSONS, max_size=3))
    flat.setdefault("tool.name", "a")
    return nested(flat)


def values(type_: Type) -> st.SearchStrategy[object]:
    """Return the values of *type_* that a request may send."""
    match type_:
        case SetOf(item):
            return st.frozensets(values(item), max_size=3).map(sorted)  # type: ignore[arg-type]
        case ListOf(item):
            return st.lists(values(item), max_size=3)
        case _:
            return st.sampled_from(VALUES[type_])


def nested(flat: dict[str, object]) -> dict[str, object]:
    """Return *flat* (by path) as nested groups."""
    made: dict[str, object] = {}
    for path, value in flat.items():
        *groups, name = path.split(".")
        place = made
        for group in groups:
            inner = place.setdefault(group, {})
            assert isinstance(inner, dict)
            place = inner
        place[name] = value
    return made
