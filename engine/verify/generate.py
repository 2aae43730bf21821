"""A program and a source of chance in, a well-formed request out; and requests bent to a condition.

``steer`` walks a condition and assigns attributes so that it comes out as wished: of an ``and``
every part, of an ``or`` one part by chance. It proves nothing: the caller evaluates the condition
on what came out. It only makes conditions likely that chance alone would never meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from engine.language import program, typed
from engine.language.types import Scalar
from engine.verify.palette import Palette, bare, descend, loose

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the clock of tests and properties stands at first."""
Request = dict[str, object]
UNSENT = frozenset({"now", "content", "stage", "session.labels", "session.turn", "tool.args"})
"""Attributes that are not drawn from the schema's fields like the others."""
TOOL_STAGES = frozenset({"tool_call", "tool_result", "tool_description"})
STAGES = ("request", "response", "document", *sorted(TOOL_STAGES))
WEEK = 7 * 24
"""Hours, beginning with START."""
PRESENT_IN = 0.7
"""How often an optional attribute is sent."""


@dataclass(frozen=True, slots=True)
class Generator:
    """Makes requests for one program. *samples* holds a text for each entity type."""

    checked: program.Program
    palette: Palette
    samples: Mapping[str, str]
    chance: Random

    def draw(self) -> Request:
        """Return a well-formed request with every required attribute."""
        stage = self.choose(STAGES)
        request: Request = {"stage": stage, "content": self.text()}
        for field in self.checked.fields.values():
            if field.path in UNSENT or (field.optional and self.chance.random() > PRESENT_IN):
                continue
            put(request, field.path, self.choose(self.palette.of(field)))
        if stage not in TOOL_STAGES:
            request.pop("tool", None)
        else:
            names = self.palette.of(self.checked.fields["tool.name"])
            put(request, "tool.name", self.choose(names))
            put(request, "tool.args", self.arguments())
        self.complete(request)
        return request

    def bent(self, condition: typed.Expr) -> Request:
        """Return a request bent so that *condition* probably holds."""
        request = self.draw()
        self.steer(request, condition, wish=True)
        if request["stage"] not in TOOL_STAGES:
            request.pop("tool", None)
        elif read(request, "tool.name") is None:
            put(request, "tool.name", "tool")
        self.complete(request)
        return request

    def moment(self) -> datetime:
        """Return START, or a time in the week after it or after a date that a condition names."""
        if self.chance.random() < 1 - PRESENT_IN:
            return START
        dates = [one for one in self.palette.values.get("now", ()) if isinstance(one, datetime)]
        return self.choose((START, *dates)) + timedelta(hours=self.chance.randrange(WEEK))

    def mocks(self) -> dict[str, float | int]:
        """Return what classifiers and meters come to, for some of them."""
        return {
            name: self.choose(values)
            for name, values in self.palette.mocks.items()
            if self.chance.random() < PRESENT_IN
        }

    def complete(self, request: Request) -> None:
        """Add to *request* what the words it already holds make required."""
        for field in self.checked.fields.values():
            if field.required_when is None or field.path in UNSENT:
                continue
            path, words = field.required_when
            if read(request, path) in words and read(request, field.path) is None:
                put(request, field.path, self.choose(self.palette.of(field)))

    def text(self) -> str:
        """Return a content text: often plain, sometimes a sample or two."""
        pool = (*self.palette.texts, *self.samples.values())
        if not pool or self.chance.random() < 1 - PRESENT_IN:
            return self.choose(("", "hello"))
        return " ".join(self.choose(pool) for _ in range(self.chance.randint(1, 2)))

    def arguments(self) -> dict[str, object]:
        """Return tool arguments in which the paths that conditions ask for are often there."""
        made: dict[str, object] = {}
        for keys, values in self.palette.arguments.items():
            if self.chance.random() < PRESENT_IN and all(isinstance(key, str) for key in keys):
                put(made, ".".join(map(str, keys)), self.choose((*values, 0, "other")))
        return made

    def choose(self, values: Sequence[T]) -> T:
        """Return one of *values*."""
        return values[self.chance.randrange(len(values))]

    def steer(  # noqa: C901  a case for every kind of condition that can be steered
        self, request: Request, condition: typed.Expr, *, wish: bool
    ) -> None:
        """Change *request* so that *condition* probably comes out as *wish*."""
        match condition:
            case typed.And(parts) | typed.Or(parts):
                every = isinstance(condition, typed.And) == wish
                for part in parts if every else (self.choose(parts),):
                    self.steer(request, part, wish=wish)
            case typed.Not(one):
                self.steer(request, one, wish=not wish)
            case typed.Has(typed.Attribute(path), entities):
                samples = [self.samples[name] for name in sorted(entities) if name in self.samples]
                put(request, path, self.choose(samples) if wish and samples else "hello")
            case typed.Present(subject):
                self.assign(request, bare(subject), present=wish)
            case typed.Tainted() if wish:
                self.assign(request, condition, present=True)
            case typed.Attribute(path):
                put(request, path, wish)
            case typed.Overlaps(typed.Attribute(path), typed.Constant(frozenset() as those)):
                put(request, path, [self.choose(sorted(map(str, those)))] if wish and those else [])
            case typed.Compare("==", typed.Attribute(path), typed.Constant(value)) if wish:
                put(request, path, value)
            case typed.Member(typed.Constant(value), typed.Attribute(path)):
                put(request, path, [value] if wish else [])
            case typed.Member(typed.Attribute(path), typed.Constant(frozenset() as those)) if wish:
                put(request, path, self.choose(sorted(those, key=repr)))
            case _:
                self.vary(request, condition)

    def assign(self, request: Request, subject: typed.Expr, *, present: bool) -> None:
        """Send or take away the attribute or argument *subject*."""
        path = place(subject)
        if path is None:
            return
        if not present:
            remove(request, path)
        elif read(request, path) is None:
            put(request, path, self.choose(self.options(subject)))

    def vary(self, request: Request, condition: typed.Expr) -> None:
        """Give every attribute in *condition* another of its values."""
        for node in descend(condition):
            path = place(node)
            if path is not None:
                put(request, path, self.choose(self.options(node)))

    def options(self, subject: typed.Expr) -> Sequence[object]:
        """Return the values that *subject* may take."""
        match subject:
            case typed.ArgumentAt(keys) | typed.Tainted(keys):
                return self.palette.arguments.get(keys) or ("a", 1)
            case typed.Attribute(path) if path in self.checked.fields:
                field = self.checked.fields[path]
                own = self.palette.values.get(path, ())
                # What a text must hold is often in a sample, not in the condition itself.
                return own if own and field.type != Scalar.TEXT else self.palette.of(field)
            case _:
                return ("a",)


def place(node: typed.Expr) -> str | None:
    """Return where in a request *node* reads, or None when it reads no single settable place."""
    match node:
        case typed.Attribute(path) if path != "now":
            return path
        case typed.ArgumentAt(keys) | typed.Tainted(keys) if all(
            isinstance(key, str) for key in keys
        ):
            return ".".join(("tool", "args", *map(str, keys)))
        case _:
            return None


def put(request: Request, path: str, value: object) -> None:
    """Set *path* in the nested *request*."""
    *groups, last = path.split(".")
    for group in groups:
        inner = request.get(group)
        if not isinstance(inner, dict):
            inner = request[group] = {}
        request = inner
    request[last] = loose(value)


def read(request: Mapping[str, object], path: str) -> object:
    """Return the value at *path* in the nested *request*, or None."""
    found: object = request
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def remove(request: Request, path: str) -> None:
    """Take *path* out of the nested *request*."""
    *groups, last = path.split(".")
    for group in groups:
        inner = request.get(group)
        if not isinstance(inner, dict):
            return
        request = inner
    request.pop(last, None)


def paths(request: Mapping[str, object], before: str = "") -> Iterator[str]:
    """Yield the path of every value in the nested *request*, those of groups after their own."""
    for name, value in request.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from paths(value, f"{path}.")
        yield path
