"""Dependencies: a graph in, its components out, those that others depend on first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Search:
    """Tarjan's search: when each name was met, the earliest that it reaches, what is open."""

    graph: Mapping[str, Sequence[str]]
    met: dict[str, int] = field(default_factory=dict)
    reaches: dict[str, int] = field(default_factory=dict)
    open: dict[str, None] = field(default_factory=dict)
    path: list[tuple[str, Iterator[str]]] = field(default_factory=list)

    def enter(self, name: str) -> None:
        """Meet *name* for the first time."""
        self.met[name] = self.reaches[name] = len(self.met)
        self.open[name] = None
        self.path.append((name, iter(self.graph.get(name, ()))))

    def leave(self, name: str) -> tuple[str, ...]:
        """Leave *name*; return its component if it was the first of it to be met, else nothing."""
        self.path.pop()
        if self.path:
            above = self.path[-1][0]
            self.reaches[above] = min(self.reaches[above], self.reaches[name])
        if self.reaches[name] != self.met[name]:
            return ()
        found: list[str] = []
        while not found or found[-1] != name:
            found.append(self.open.popitem()[0])
        return tuple(found)


def components(graph: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the strongly connected components of *graph*, dependencies first.

    Tarjan's algorithm, without recursion. See ``is_cycle``.
    """
    search = Search(graph)
    found: list[tuple[str, ...]] = []
    for root in graph:
        if root not in search.met:
            search.enter(root)
        while search.path:
            name, following = search.path[-1]
            other = next(following, None)
            if other is None:
                made = search.leave(name)
                if made:
                    found.append(made)
            elif other not in search.met:
                search.enter(other)
            elif other in search.open:
                search.reaches[name] = min(search.reaches[name], search.met[other])
    return found


def is_cycle(component: Sequence[str], graph: Mapping[str, Sequence[str]]) -> bool:
    """Return whether the names of *component* depend on themselves."""
    return len(component) > 1 or component[0] in graph.get(component[0], ())
