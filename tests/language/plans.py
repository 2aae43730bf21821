"""Policies as text -> plans, and what the index files each rule under, in words."""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.codegen import entries_of
from engine.language.compile import Compiled, compile_sources
from engine.language.environment import Known
from engine.language.lower import lower_file
from engine.language.plan import Choice, Key, Plan, Step
from engine.language.text import Source

KNOWN = Known({"pii.email": "", "pii.card": ""}, frozenset())


def compiled(text: str, path: str = "case.pol") -> Compiled:
    made = compile_sources([Source(path, text)], KNOWN)
    assert not made.failed, made.diagnostics
    return made


def planned(text: str) -> Plan:
    return lower_file("case.pol", compiled(text).program.policies)


def wrapped(rules: str, head: str = "") -> str:
    """Return a policy with *rules*, one ``when …`` a line, named r0, r1 …"""
    made = [
        f"rule r{number} {{ {line} then deny }}"
        for number, line in enumerate(rules.strip().splitlines())
    ]
    return f"{head}\npolicy p {{\n default allow\n" + "\n".join(made) + "\n}\n"


def filed(plan: Plan, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Give each rule of *names* (in the order of their numbers) with its steps, in words."""
    for fragment in plan.fragments:
        for entry in entries_of(fragment.body):
            if entry.rule is not None:
                steps = "; ".join(map(words, fragment.steps))
                yield names[entry.rule], steps or "always"


def words(step: Step) -> str:
    match step:
        case Choice(path, many, values):
            listed = ", ".join(sorted(map(word, values)))
            return f"{path} {'has' if many else 'is'} {listed}"
        case _:
            default = "" if step.default is None else f" ?? {step.default}"
            return f"{step.path}{default} {step.order} {step.bound}"


def word(value: Key) -> str:
    match value:
        case None:
            return "absent"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(value)
