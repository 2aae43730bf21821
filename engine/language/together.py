"""What only all files together can show.

Meters that count themselves, names taken twice, what nothing uses.

Each checked file leaves its ``Links``, a small value that can be kept with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.language import catalog_declarations, catalog_warnings, items, trials
from engine.language.cycles import components, is_cycle
from engine.language.diagnostics import Report
from engine.language.environment import Environment, FileScope, find_let, qualify
from engine.language.names import names_in
from engine.language.nodes import Name
from engine.language.text import Span


class Links(NamedTuple):
    """What a checked file has to do with others.

    *used* are the qualified names that it uses (``fixture x``, ``import FILE x``, ``meter.x`` …),
    *reads* gives the meters that its counted rules depend on, *properties* the names of its
    properties. *asked* is where its rules ask whether an argument is tainted; *carries* says
    whether one of its labels carries content, without which nothing is.
    """

    used: frozenset[str]
    reads: tuple[tuple[str, frozenset[str]], ...]
    properties: tuple[tuple[str, Span], ...]
    asked: tuple[Span, ...] = ()
    carries: bool = False


def check_together(
    files: Sequence[items.File],
    environment: Environment,
    links: Iterable[Links],
    report: Report,
) -> None:
    """Report what no single file shows. Of *files* only imports and declarations are looked at."""
    every = list(links)
    refuse_meter_cycles(environment, dict(pair for one in every for pair in one.reads), report)
    seen: dict[str, Span] = {}
    for name, span in (pair for one in every for pair in one.properties):
        before = seen.setdefault(name, span)
        if before is not span:
            report.add(catalog_declarations.duplicate("property", name, span, before))
    if not report.failed:
        warn_untaintable(every, report)
        warn_unused(files, environment, frozenset().union(*(one.used for one in every)), report)


def warn_untaintable(links: Iterable[Links], report: Report) -> None:
    """Warn about the first question whether something is tainted, when nothing ever is."""
    every = list(links)
    asked = sorted(span for one in every for span in one.asked)
    if asked and not any(one.carries for one in every):
        report.add(catalog_warnings.never_tainted(asked[0]))


def refuse_meter_cycles(
    environment: Environment, reads: Mapping[str, frozenset[str]], report: Report
) -> None:
    """Report every meter whose rule depends on the meter itself, however indirectly."""
    graph = {
        name: sorted(reads.get(meter.rule, frozenset()) & environment.meters.keys())
        for name, meter in environment.meters.items()
    }
    for component in components(graph):
        if is_cycle(component, graph):
            for name in component:
                span = environment.meters[name].span
                report.add(catalog_declarations.circular("meter", name, span))


def meters_of(
    policy: items.Policy, rule: items.Rule, scope: FileScope, environment: Environment
) -> frozenset[str]:
    """Return the meters that the conditions of *rule* read, through lets too."""
    found: set[str] = set()
    seen: set[str] = set()
    conditions = (policy.applies, rule.when, rule.unless)
    waiting = [(scope, name) for one in conditions for name in names_in(one)]
    while waiting:
        here, name = waiting.pop()
        let = find_let(environment.packages, here, name)
        if let is not None and let.name not in seen:
            seen.add(let.name)
            waiting.extend((let.scope, inner) for inner in names_in(let.node.value))
        elif name.startswith("meter."):
            found.add(name.removeprefix("meter."))
    return frozenset(found)


def warn_unused(
    files: Sequence[items.File], environment: Environment, used: frozenset[str], report: Report
) -> None:
    """Warn about every declaration and import that nothing uses."""
    used |= {term for entity in environment.entities.values() for term in entity.terms}
    for file in files:
        scope = environment.scopes[file.path]
        for kind, key, name in declared(file, scope.package):
            if key not in used:
                report.add(catalog_warnings.unused(kind, name.name, name.span))
        through = used | imports_used(file, scope)
        for one in file.imports:
            short = one.alias or one.package
            prefixes = (short.name, short.name.rpartition(".")[2], one.package.name)
            if not any(f"import {file.path} {prefix}" in through for prefix in prefixes):
                report.add(catalog_warnings.unused("import", one.package.name, one.package.span))


def declared(file: items.File, package: str) -> Iterable[tuple[str, str, Name]]:
    """Yield what *file* declares for use by name.

    Its kind, the key in ``Links.used``, and the name.
    """
    for item in file.items:
        match item:
            case items.Let(name):
                yield "let", qualify(package, name.name), name
            case items.WordList(name):
                yield "list", qualify(package, name.name), name
            case items.Entity(name):
                yield "entity", name.name, name
            case items.Classifier(name):
                yield "classifier", f"classifier.{name.name}", name
            case items.Meter(name):
                yield "meter", f"meter.{name.name}", name
            case trials.Fixture(name):
                yield "fixture", f"fixture {qualify(package, name.name)}", name
            case _:
                pass


def imports_used(file: items.File, scope: FileScope) -> frozenset[str]:
    """Return the imports that declarations of *file* go through.

    Rules of meters, terms of entities.
    """
    names: list[str] = []
    for item in file.items:
        if isinstance(item, items.Meter):
            names.append(item.rule.name)
        elif isinstance(item, items.Entity):
            names.extend(
                part.list.name for part in item.parts if isinstance(part, items.EntityTerms)
            )
    return frozenset(
        f"import {file.path} {prefix}"
        for prefix in scope.aliases
        for name in names
        if name.startswith(f"{prefix}.")
    )
