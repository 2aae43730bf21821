"""The checker: parsed files in, a typed program out, in which nothing can surprise at run time.

Two steps, so that a file need not be checked again when only others have changed: ``scope.collect``
looks at the declarations of all files, ``check_file`` at one file against them. ``assemble`` makes
the program of what they found; ``check_program`` does all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.language import catalog_warnings, items, program, trials
from engine.language.check_expression import TAINT, check_value
from engine.language.check_policy import check_policy
from engine.language.check_trial import check_fixture, check_property, check_test
from engine.language.context import Context
from engine.language.diagnostics import Report
from engine.language.environment import Environment, Known, qualify
from engine.language.scope import collect
from engine.language.text import Span
from engine.language.together import Links, check_together, meters_of
from engine.language.typed import Tainted
from engine.language.walk import descend


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """The checked policies, tests and properties of one file, and what it has to do with others."""

    path: str
    policies: tuple[program.Policy, ...]
    tests: tuple[program.Test, ...]
    properties: tuple[program.Property, ...]
    links: Links


def check_file(file: items.File, environment: Environment, report: Report) -> CheckedFile:
    """Return what *file* holds, checked; what is wrong is reported and left out."""
    context = Context(environment, environment.scopes[file.path], report)
    policies: list[program.Policy] = []
    tests: list[program.Test] = []
    properties: list[program.Property] = []
    reads: list[tuple[str, frozenset[str]]] = []
    named: list[tuple[str, Span]] = []
    for item in file.items:
        match item:
            case items.Policy():
                policy = check_policy(item, context)
                reads.extend(counted_reads(item, context))
                if policy is not None:
                    policies.append(policy)
            case items.Let(value=value):
                check_value(value, context.with_present(None))
            case trials.Fixture():
                check_fixture(item, context)
            case trials.Test():
                tests.append(check_test(item, context))
            case trials.Property():
                made = check_property(item, context)
                named.append((qualify(context.scope.package, item.name.name), item.name.span))
                if made is not None:
                    properties.append(made)
            case _:
                pass
    warn_same_titles(file, report)
    asked = tuple(taints_in(policies)) if TAINT in context.used else ()
    carries = any(one.source for policy in policies for rule in policy.rules for one in rule.labels)
    links = Links(frozenset(context.used), tuple(reads), tuple(named), asked, carries)
    return CheckedFile(file.path, tuple(policies), tuple(tests), tuple(properties), links)


def counted_reads(policy: items.Policy, context: Context) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield, for each rule of *policy* that a meter counts, the meters that it depends on."""
    environment = context.environment
    for rule in policy.rules:
        name = f"{qualify(context.scope.package, policy.name.name)}.{rule.name.name}"
        if name in environment.counted:
            yield name, meters_of(policy, rule, context.scope, environment)


def taints_in(policies: Sequence[program.Policy]) -> Iterator[Span]:
    """Yield where conditions of *policies* ask whether an argument is tainted."""
    for policy in policies:
        conditions = [policy.applies]
        for rule in policy.rules:
            conditions += [rule.when, rule.unless]
        for condition in conditions:
            if condition is not None:
                yield from (one.span for one in descend(condition) if isinstance(one, Tainted))


def warn_same_titles(file: items.File, report: Report) -> None:
    """Warn about tests of one file that a report could not tell apart."""
    seen: dict[str, Span] = {}
    for item in file.items:
        if isinstance(item, trials.Test):
            title, span = str(item.name.value), item.name.span
            before = seen.setdefault(title, span)
            if before is not span:
                report.add(catalog_warnings.same_title("test", title, span, before))


def assemble(
    environment: Environment,
    policies: Sequence[program.Policy],
    tests: Sequence[program.Test],
    properties: Sequence[program.Property],
) -> program.Program:
    """Return the program that the checked parts of all files make.

    Everything is sorted, so that the order of files has no meaning: *policies* and *properties* by
    name, *tests* by file.
    """
    return program.Program(
        fields=dict(sorted(environment.fields.items())),
        facts=environment.facts,
        lists=dict(sorted(environment.lists.items())),
        entities=dict(sorted(environment.entities.items())),
        classifiers=dict(sorted(environment.classifiers.items())),
        meters=dict(sorted(environment.meters.items())),
        policies=policies,
        tests=tests,
        properties=properties,
    )


def check_program(files: Sequence[items.File], known: Known, report: Report) -> program.Program:
    """Return the checked program of *files*; usable only if the report has no errors."""
    environment = collect(files, known, report)
    checked = [check_file(file, environment, report) for file in files]
    check_together(files, environment, [one.links for one in checked], report)
    every = sorted(checked, key=lambda one: one.path)
    policies = [policy for file in every for policy in file.policies]
    properties = [one for file in every for one in file.properties]
    return assemble(
        environment,
        tuple(sorted(policies, key=lambda one: one.name)),
        tuple(test for file in every for test in file.tests),
        tuple(sorted(properties, key=lambda one: one.name)),
    )
