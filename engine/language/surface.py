"""A parsed file -> its surface: what other files can see of it, as a smaller file.

The surface is loaded for every file on every start, so it is as small as it can be: of a policy its
name and those of its rules with the kind of their actions remain; of a test, that there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from engine.language import items, trials
from engine.language.nodes import Literal, Name
from engine.language.text import NOWHERE

WORD = Literal("", "string", "", NOWHERE)
NAME = Name("", NOWHERE)
ACTIONS: Mapping[type[items.Action], items.Action] = {
    items.Allow: items.Allow(NOWHERE),
    items.Deny: items.Deny(None, NOWHERE),
    items.Redact: items.Redact((), None, None, (), NOWHERE),
    items.Escalate: items.Escalate(WORD, None, None, NOWHERE),
    items.Throttle: items.Throttle(WORD, NAME, None, None, None, (), None, NOWHERE),
}
"""What stands for an action in a surface."""


def surface_of(file: items.File) -> items.File:
    """Return *file* without what no other file can see."""
    kept = tuple(map(surface_of_item, file.items))
    return items.File(file.path, file.package, file.imports, kept, ())


def surface_of_item(item: items.Item) -> items.Item:
    """Return what is left of *item*; what declares something is left whole."""
    match item:
        case items.Policy(name):
            rules = tuple(map(surface_of_rule, item.rules))
            return items.Policy(name, None, None, None, "deny", None, rules, "", name.span)
        case trials.Test():
            return trials.Test(WORD, (), NOWHERE)
        case trials.Property():
            return trials.Property(NAME, None, "never", (), WORD, "", NOWHERE)
        case (
            items.Schema()
            | items.Facts()
            | items.WordList()
            | items.Let()
            | items.Entity()
            | items.Classifier()
            | items.Meter()
            | trials.Fixture()
        ):
            return item
        case _:
            assert_never(item)


def surface_of_rule(rule: items.Rule) -> items.Rule:
    """Return the name of *rule* and the kind of its action."""
    name = rule.name
    return items.Rule(name, None, None, None, ACTIONS[type(rule.action)], (), "", name.span)
