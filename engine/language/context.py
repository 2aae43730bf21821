"""Where an expression stands: what its names mean, and what is known to be present there."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from engine.language import nodes, typed
from engine.language.diagnostics import Report
from engine.language.environment import Environment, FileScope, Let, find_let
from engine.language.names import Measure, measure
from engine.language.text import Span


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of an expression.

    *present* are the keys of optional attributes known to be present; None counts all as present
    (where presence cannot be judged, such as in a let that stands alone). *slot* numbers the next
    quantifier. *decision* is set in expectations, where names mean fields of the decision. *used*
    collects the qualified names of lets, lists, fixtures and packages that were used. *cache* holds
    checked lets. *used_at* is where the outermost let around the expression is used.
    """

    environment: Environment
    scope: FileScope
    report: Report
    used: set[str] = field(default_factory=set)
    cache: dict[Hashable, typed.Expr | None] = field(default_factory=dict)
    variables: tuple[typed.Variable, ...] = ()
    present: frozenset[str] | None = frozenset()
    slot: int = 0
    decision: bool = False
    used_at: Span | None = None

    def with_present(self, more: frozenset[str] | None) -> Context:
        """Return this context where *more* is present too; None when that cannot be judged."""
        if self.present is None or (more is not None and more <= self.present):
            return self
        # Built by hand: this is the checker's busiest line, ``replace`` takes three times as long.
        return Context(
            self.environment,
            self.scope,
            self.report,
            self.used,
            self.cache,
            self.variables,
            None if more is None else self.present | more,
            self.slot,
            self.decision,
            self.used_at,
        )

    def with_variable(self, variable: typed.Variable) -> Context:
        """Return this context inside the quantifier of *variable*."""
        return replace(self, variables=(*self.variables, variable), slot=variable.slot + 1)

    def inside_let(self, let: Let, use: Span) -> Context:
        """Return the context of a let's value: the names of its file, and what is present here."""
        return replace(
            self, scope=let.scope, variables=(), decision=False, used_at=self.used_at or use
        )

    def use(self, name: str, written: str) -> None:
        """Note that the qualified *name* is used, and the import through which it was *written*."""
        self.used.add(name)
        for prefix in self.scope.aliases if "." in written else ():
            if written.startswith(f"{prefix}."):
                self.used.add(f"import {self.scope.path} {prefix}")

    def let_named(self, name: str) -> Let | None:
        """Return the let that *name* means here, if any."""
        if name in self.environment.fields:  # no let can have an attribute's name: spare the search
            return None
        return find_let(self.environment.packages, self.scope, name)

    def measure(self, expression: nodes.Expr) -> Measure:
        """Return how large and deep *expression* is with its lets put in."""

        def of_name(name: str) -> Measure | None:
            """Return the measure of the let *name*, or None for another name."""
            let = self.let_named(name)
            return None if let is None else let.measure

        return measure(expression, of_name)
