"""What all files declare together.

Files in, an ``Environment`` out that every single file is checked against.

Collecting looks at declarations only, never into conditions or tests, so that it stays cheap when
one of many files has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.language import catalog_declarations, items, trials
from engine.language.cycles import components, is_cycle
from engine.language.declarations import (
    read_classifier,
    read_entity,
    read_facts,
    read_list,
    read_meter,
)
from engine.language.diagnostics import Report
from engine.language.digest import with_digests
from engine.language.environment import (
    RESERVED,
    Environment,
    FileScope,
    FixtureDefinition,
    Known,
    Let,
    Package,
    find_let,
    qualify,
)
from engine.language.names import Measure, measure, names_in
from engine.language.nodes import Name
from engine.language.program import (
    ActionName,
    ClassifierDefinition,
    EntityDefinition,
    FactsFile,
    ListFile,
    MeterDefinition,
)
from engine.language.required import required_by_word
from engine.language.schema import groups_of, merge_schemas
from engine.language.text import Span

__all__ = ["Environment", "Known", "collect"]

ACTIONS: Mapping[type[items.Action], ActionName] = {
    items.Allow: "allow",
    items.Deny: "deny",
    items.Redact: "redact",
    items.Escalate: "escalate",
    items.Throttle: "throttle",
}


@dataclass(slots=True)
class Registry:
    """Who was first to take a name; a second one is reported."""

    report: Report
    first: dict[tuple[str, str], Span] = field(default_factory=dict)

    def claim(self, kind: str, name: str, at: Span, shown: str = "") -> bool:
        """Return whether *name* is still free among those of *kind*, and take it.

        Report otherwise.
        """
        before = self.first.setdefault((kind, name), at)
        if before is at:
            return True
        self.report.add(catalog_declarations.duplicate(shown or kind, name, at, before))
        return False


def collect(files: Sequence[items.File], known: Known, report: Report) -> Environment:
    """Return what is visible from every file; what contradicts another declaration is reported."""
    registry = Registry(report)
    fields = merge_schemas(files, report)
    packages_named = {package_of(file) for file in files}
    scopes = {file.path: file_scope(file, packages_named, registry) for file in files}
    packages = collect_packages(files, scopes, registry)
    policies, rules = collect_rules(files, scopes, registry)
    made = Environment(
        known=known,
        fields=fields,
        groups=frozenset(groups_of(fields)),
        required=required_by_word(fields),
        packages=packages,
        scopes=scopes,
        facts=(),
        lists={},
        entities={},
        namespaces={},
        classifiers={},
        meters={},
        policies=policies,
        rules=rules,
        imports=imports_of(scopes.values()),
    )
    made = collect_declarations(files, made, registry)
    return with_digests(made)


def package_of(file: items.File) -> str:
    """Return the name of a file's package; empty without one."""
    return "" if file.package is None else file.package.name


def file_scope(file: items.File, packages: Iterable[str], registry: Registry) -> FileScope:
    """Return how names are read in *file*."""
    aliases: dict[str, str] = {}
    for one in file.imports:
        package = one.package.name
        if package not in packages:
            registry.report.add(
                catalog_declarations.unknown_package(package, packages, one.package.span)
            )
        alias = one.alias or one.package
        short = alias.name if one.alias else package.rpartition(".")[2]
        if short in RESERVED or "." in short:
            registry.report.add(catalog_declarations.reserved_name("import", short, alias.span))
        elif registry.claim(f"import {file.path}", short, alias.span, "import"):
            aliases[short] = package
    full = {one.package.name: one.package.name for one in file.imports}
    return FileScope(file.path, package_of(file), full | aliases)


def imports_of(scopes: Iterable[FileScope]) -> dict[str, frozenset[str]]:
    """Return the packages that the files of each package import."""
    found: dict[str, frozenset[str]] = {}
    for scope in scopes:
        found[scope.package] = found.get(scope.package, frozenset()).union(scope.aliases.values())
    return found


def collect_packages(
    files: Sequence[items.File], scopes: Mapping[str, FileScope], registry: Registry
) -> dict[str, Package]:
    """Return the lets, lists and fixtures of every package; lets with their measure."""
    lets: dict[str, dict[str, Let]] = {}
    lists: dict[str, dict[str, str]] = {}
    fixtures: dict[str, dict[str, FixtureDefinition]] = {}
    for file in files:
        scope = scopes[file.path]
        package = scope.package
        mine = lets.setdefault(package, {})
        my_lists = lists.setdefault(package, {})
        my_fixtures = fixtures.setdefault(package, {})
        for item in file.items:
            match item:
                case items.Let(name) if free(name, "let", package, registry):
                    mine[name.name] = Let(qualify(package, name.name), item, scope, None)
                case items.WordList(name) if free(name, "list", package, registry):
                    my_lists[name.name] = qualify(package, name.name)
                case trials.Fixture(name) if plain(name, "fixture", registry):
                    full = qualify(package, name.name)
                    if registry.claim("fixture", full, name.span):
                        my_fixtures[name.name] = FixtureDefinition(full, item)
                case _:
                    pass
    made = {name: Package(lets[name], lists[name], fixtures[name]) for name in lets}
    return measure_lets(made, registry.report)


def free(name: Name, kind: str, package: str, registry: Registry) -> bool:
    """Return whether a let or list may have *name*; report otherwise."""
    if name.name in RESERVED:
        registry.report.add(catalog_declarations.reserved_name(kind, name.name, name.span))
        return False
    return plain(name, kind, registry) and registry.claim(
        "value", qualify(package, name.name), name.span, kind
    )


def plain(name: Name, kind: str, registry: Registry) -> bool:
    """Return whether *name* has no dots; report otherwise."""
    if "." in name.name:
        registry.report.add(catalog_declarations.dotted_name(kind, name.name, name.span))
        return False
    return True


def measure_lets(packages: Mapping[str, Package], report: Report) -> dict[str, Package]:
    """Return *packages* with every let measured; those that go in circles are reported."""
    lets = {let.name: let for package in packages.values() for let in package.lets.values()}
    graph: dict[str, list[str]] = {}
    for let in lets.values():
        used = (find_let(packages, let.scope, name) for name in names_in(let.node.value))
        graph[let.name] = [one.name for one in used if one is not None]
    measured: dict[str, Measure | None] = {}
    for component in components(graph):
        if is_cycle(component, graph):
            for name in component:
                report.add(catalog_declarations.circular("let", name, lets[name].node.name.span))
                measured[name] = None
            continue
        let = lets[component[0]]

        def of_name(name: str, let: Let = let) -> Measure | None:
            """Return the measure of another let, those come first, or None for what is no let."""
            found = find_let(packages, let.scope, name)
            return None if found is None else measured[found.name]

        measured[let.name] = measure(let.node.value, of_name)
    return {
        name: replace(
            package,
            lets={
                local: replace(let, measure=measured[let.name])
                for local, let in package.lets.items()
            },
        )
        for name, package in packages.items()
    }


def collect_rules(
    files: Sequence[items.File], scopes: Mapping[str, FileScope], registry: Registry
) -> tuple[frozenset[str], dict[str, ActionName]]:
    """Return the full names of all policies, and the actions of all rules by full name."""
    policies: set[str] = set()
    rules: dict[str, ActionName] = {}
    for file in files:
        scope = scopes[file.path]
        for item in file.items:
            if not isinstance(item, items.Policy) or not plain(item.name, "policy", registry):
                continue
            policy = qualify(scope.package, item.name.name)
            if not registry.claim("policy", policy, item.name.span):
                continue
            policies.add(policy)
            for rule in item.rules:
                name = f"{policy}.{rule.name.name}"
                if plain(rule.name, "rule", registry) and registry.claim(
                    "rule", name, rule.name.span
                ):
                    rules[name] = ACTIONS[type(rule.action)]
    return frozenset(policies), rules


def collect_declarations(  # noqa: C901 - a case for every kind of declaration
    files: Sequence[items.File], made: Environment, registry: Registry
) -> Environment:
    """Return *made* with facts, lists, entities, classifiers and meters."""
    report = registry.report
    facts: dict[str, FactsFile] = {}
    lists: dict[str, ListFile] = {}
    entities: dict[str, EntityDefinition] = {}
    classifiers: dict[str, ClassifierDefinition] = {}
    meters: dict[str, MeterDefinition] = {}
    for file in files:
        scope = made.scopes[file.path]
        for item in file.items:
            match item:
                case items.Facts(name):
                    found = read_facts(item, scope, made.fields, report)
                    if registry.claim("facts", name.name, name.span, "facts of"):
                        facts[name.name] = found
                case items.WordList(name):
                    lists.setdefault(
                        qualify(scope.package, name.name), read_list(item, scope, report)
                    )
                case items.Entity(name):
                    entity = read_entity(item, scope, made.known, made.packages, report)
                    if registry.claim("entity", name.name, name.span):
                        entities[name.name] = entity
                case items.Classifier(name):
                    classifier = read_classifier(item, report)
                    if plain(name, "classifier", registry) and registry.claim(
                        "classifier", name.name, name.span
                    ):
                        classifiers[name.name] = classifier
                case items.Meter(name):
                    meter = read_meter(item, scope, made.fields, made.rules, report)
                    if plain(name, "meter", registry) and registry.claim(
                        "meter", name.name, name.span
                    ):
                        meters[name.name] = meter
                case _:
                    pass
    return replace(
        made,
        facts=tuple(sorted(facts.values(), key=lambda one: one.group)),
        lists=lists,
        entities=entities,
        namespaces=namespaces_of((*made.known.entities, *entities), made.known.also),
        classifiers=classifiers,
        meters=meters,
        counted=frozenset(meter.rule for meter in meters.values()),
    )


def namespaces_of(entities: Iterable[str], also: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the entities below each namespace: what ``pii.any`` stands for.

    A namespace in *also* holds those below another name too.
    """
    found: dict[str, set[str]] = {}
    for name in entities:
        space = name.rpartition(".")[0]
        while space:
            found.setdefault(space, set()).add(name)
            space = space.rpartition(".")[0]
    for space, other in also.items():
        found.setdefault(space, set()).update(found.get(other, ()))
    return {space: frozenset(names) for space, names in found.items()}
