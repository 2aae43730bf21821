"""What a file sees of the others: schema, declarations, and the names of policies and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.language import items, trials
from engine.language.names import Measure
from engine.language.program import (
    ActionName,
    ClassifierDefinition,
    EntityDefinition,
    FactsFile,
    Field,
    ListFile,
    MeterDefinition,
)

RESERVED = frozenset(
    {
        "tenant",
        "user",
        "model",
        "tool",
        "context",
        "usage",
        "session",
        "source",
        "stage",
        "content",
        "now",
        "meter",
        "classifier",
        "decision",
    }
)
"""Names that mean an attribute or namespace, so that no let, list or variable may have them."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller brings: built-in entities with their documentation, and validators.

    *also* says which name's entities a namespace holds besides its own.
    """

    entities: Mapping[str, str]
    validators: frozenset[str]
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileScope:
    """How names are read in one file: in its own package first, then through its imports.

    *aliases* gives the package of every import by its alias and by its full name.
    """

    path: str
    package: str
    aliases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Let:
    """One ``let`` and the file whose names its value uses.

    *measure* is None when it is part of a cycle.
    """

    name: str
    node: items.Let
    scope: FileScope
    measure: Measure | None


@dataclass(frozen=True, slots=True)
class FixtureDefinition:
    """One ``fixture`` and its qualified name."""

    name: str
    node: trials.Fixture


@dataclass(frozen=True, slots=True)
class Package:
    """What the files of one package declare, by local name. *lists* gives qualified names."""

    lets: Mapping[str, Let]
    lists: Mapping[str, str]
    fixtures: Mapping[str, FixtureDefinition]


NOTHING = Package({}, {}, {})


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything that is visible from every file.

    *groups* are the paths above attributes (``context``, ``context.order``). *required* gives, for
    each enumeration and word, the optional attributes that are required at that word. *namespaces*
    gives the entities that ``pii.any`` and its like stand for. *rules* gives the action of every
    rule by full name. *imports* gives the packages that each package imports, *counted* the rules
    that meters count. *digest* changes only when something visible to other files changes,
    *digests* per package only when something visible to it does (see ``digest_for``).
    """

    known: Known
    fields: Mapping[str, Field]
    groups: frozenset[str]
    required: Mapping[str, Mapping[str, frozenset[str]]]
    packages: Mapping[str, Package]
    scopes: Mapping[str, FileScope]
    facts: tuple[FactsFile, ...]
    lists: Mapping[str, ListFile]
    entities: Mapping[str, EntityDefinition]
    namespaces: Mapping[str, frozenset[str]]
    classifiers: Mapping[str, ClassifierDefinition]
    meters: Mapping[str, MeterDefinition]
    policies: frozenset[str]
    rules: Mapping[str, ActionName]
    imports: Mapping[str, frozenset[str]]
    counted: frozenset[str] = frozenset()
    digest: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)


def qualify(package: str, name: str) -> str:
    """Return *name* with its package before it, where there is one."""
    return f"{package}.{name}" if package else name


def owner_of(scope: FileScope, name: str) -> tuple[str, str] | None:
    """Return the package and local name that *name* means in a file; None for an unknown alias."""
    prefix, _, local = name.rpartition(".")
    if not prefix:
        return scope.package, local
    package = scope.aliases.get(prefix)
    return None if package is None else (package, local)


def find_let(packages: Mapping[str, Package], scope: FileScope, name: str) -> Let | None:
    """Return the let that *name* means in a file, if any."""
    if "." not in name:
        return packages[scope.package].lets.get(name)
    place = owner_of(scope, name)
    return None if place is None else packages.get(place[0], NOTHING).lets.get(place[1])


def find_list(environment: Environment, scope: FileScope, name: str) -> ListFile | None:
    """Return the list that *name* means in a file, if any."""
    qualified = list_of(environment.packages, scope, name)
    return None if qualified is None else environment.lists.get(qualified)


def list_of(packages: Mapping[str, Package], scope: FileScope, name: str) -> str | None:
    """Return the qualified name of the list that *name* means in a file, if any."""
    place = owner_of(scope, name)
    return None if place is None else packages.get(place[0], NOTHING).lists.get(place[1])


def find_fixture(environment: Environment, scope: FileScope, name: str) -> FixtureDefinition | None:
    """Return the fixture that *name* means in a file, if any."""
    place = owner_of(scope, name)
    return (
        None
        if place is None
        else environment.packages.get(place[0], NOTHING).fixtures.get(place[1])
    )


def full_names(scope: FileScope, name: str) -> Iterable[str]:
    """Yield the full names that a reference to a policy or rule may mean, the nearest first."""
    yield qualify(scope.package, name)
    head = ""
    for part in name.split(".")[:-1]:
        head = qualify(head, part)
        if head in scope.aliases:
            yield qualify(scope.aliases[head], name[len(head) + 1 :])
    yield name


def visible_names(environment: Environment, scope: FileScope) -> Iterable[str]:
    """Yield every name that an expression in a file may use, for suggestions."""
    yield from environment.fields
    for prefix, package in (("", scope.package), *scope.aliases.items()):
        declared = environment.packages.get(package, NOTHING)
        for name in (*declared.lets, *declared.lists):
            yield qualify(prefix, name)
    for name in environment.meters:
        yield f"meter.{name}"
