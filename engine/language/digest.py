"""What checked files depend on, as digests.

While a digest stays the same, a file need not be checked again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from engine.language import items, trials
from engine.language.environment import Environment


def with_digests(environment: Environment) -> Environment:
    """Return *environment* with the digest of everything, and of what each package sees.

    A package sees the schema, the names of entities, lists, classifiers and meters, and the lets of
    its own and of every package that it reaches through imports. Places count, for diagnostics show
    them.
    """
    common = [
        *(
            f"{one.path} {one.type} {one.optional} {sorted_pair(one.required_when)}"
            for one in environment.fields.values()
        ),
        *environment.known.entities,
        *environment.entities,
        *environment.lists,
        *(f"classifier {one.name} {one.on_failure}" for one in environment.classifiers.values()),
        *(f"meter {one.name} {one.rule}" for one in environment.meters.values()),
        *(f"facts {one.group}" for one in environment.facts),
    ]
    shared = hashed(sorted(common))
    lets = {
        name: hashed([repr(let.node) for let in package.lets.values()])
        for name, package in environment.packages.items()
    }
    seen = {
        name: hashed(
            [shared, *(f"{one} {lets.get(one)}" for one in reached_from(name, environment))]
        )
        for name in environment.packages
    }
    names = [f"{name} {action}" for name, action in environment.rules.items()]
    fixtures = [
        repr(one) for package in environment.packages.values() for one in package.fixtures.values()
    ]
    everything = [*seen.values(), *names, *fixtures, *environment.policies]
    return replace(environment, digest=hashed(sorted(everything)), digests=seen)


def digest_for(environment: Environment, file: items.File) -> str:
    """Return the digest of what *file* can see of the others: everything when it holds tests."""
    if any(isinstance(item, (trials.Test, trials.Fixture)) for item in file.items):
        return environment.digest
    return environment.digests[environment.scopes[file.path].package]


def reached_from(package: str, environment: Environment) -> list[str]:
    """Return *package* and all that it imports, directly or not, sorted."""
    found = {package}
    waiting = [package]
    while waiting:
        new = environment.imports.get(waiting.pop(), frozenset()) - found
        found |= new
        waiting.extend(new)
    return sorted(found)


def sorted_pair(condition: tuple[str, frozenset[str]] | None) -> str:
    """Return a condition of the schema as text that does not depend on the order of a set."""
    return "" if condition is None else f"{condition[0]} {sorted(condition[1])}"


def hashed(parts: Iterable[str]) -> str:
    """Return the digest of *parts*, which are told apart."""
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()
