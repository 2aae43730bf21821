"""Policies and rules: nodes in, checked policies out.

A rule with a mistake is reported and left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.language import catalog_policies, catalog_warnings, items, program, typed
from engine.language.check_action import check_action
from engine.language.check_expression import check_condition
from engine.language.check_riders import check_mode, check_riders, check_rollout, text_of
from engine.language.context import Context
from engine.language.contradict import left_of, warn_about, warn_about_rule
from engine.language.environment import qualify
from engine.language.narrow import when_false, when_true

EFFECTS = (items.Advise, items.Label, items.OnFailure)
"""Riders that do something although their rule only allows."""


def check_policy(node: items.Policy, context: Context) -> program.Policy | None:
    """Return the checked policy, or None when its own parts (not its rules) are wrong."""
    name = qualify(context.scope.package, node.name.name)
    applies = None if node.applies is None else check_condition(node.applies, context)
    failed = node.applies is not None and applies is None
    if applies is not None:
        warn_about(applies, context.report)
    inside = context.with_present(
        None if failed else when_true(applies, context.environment.required)
    )
    shadow = isinstance(node.mode, items.Mode) and check_mode(node.mode, context)
    rollout = check_rollout(node.mode, context) if isinstance(node.mode, items.Rollout) else None
    rules = [check_rule(rule, name, applies, inside) for rule in node.rules]
    if failed:
        return None
    warn_about_default(node, name, context)
    good = sorted((rule for rule in rules if rule is not None), key=lambda rule: rule.name)
    return program.Policy(
        name=name,
        title=text_of(node.title),
        doc=node.doc,
        applies=applies,
        default=node.default,
        default_reason=text_of(node.default_reason),
        shadow=shadow,
        rollout=rollout,
        rules=tuple(good),
        span=node.span,
    )


def check_rule(
    node: items.Rule, policy: str, applies: typed.Expr | None, context: Context
) -> program.Rule | None:
    """Return one checked rule, or None after a report."""
    required = context.environment.required
    when = None if node.when is None else check_condition(node.when, context)
    when_failed = node.when is not None and when is None
    inside = context.with_present(None if when_failed else when_true(when, required))
    unless = None if node.unless is None else check_condition(node.unless, inside)
    unless_failed = node.unless is not None and unless is None
    acting = inside.with_present(None if unless_failed else when_false(unless, required))
    action = check_action(node.action, acting)
    riders = check_riders(node.riders, acting)
    refuse_misplaced(node, context)
    if when_failed or unless_failed or action is None:
        return None
    warn_about_rule(applies, when, unless, context.report)
    warn_about_sources(node, [applies, when, negation(unless)], context)
    return replace(
        riders,
        name=f"{policy}.{node.name.name}",
        policy=policy,
        title=text_of(node.title),
        doc=node.doc,
        when=when,
        unless=unless,
        action=action,
        span=node.span,
    )


def negation(condition: typed.Expr | None) -> typed.Expr | None:
    """Return ``not condition``, or None for none."""
    return None if condition is None else typed.Not(condition, condition.type, condition.span)


def warn_about_sources(
    node: items.Rule, conditions: Iterable[typed.Expr | None], context: Context
) -> None:
    """Warn about stages that a label of *node* names and its *conditions* rule out."""
    sources = [name for one in node.riders if isinstance(one, items.Label) for name in one.sources]
    if not sources:
        return
    left = left_of("stage", [one for one in conditions if one is not None])
    for name in sources:
        if not left.holds(name.name):
            context.report.add(catalog_warnings.never_at(name.name, name.span))


def refuse_misplaced(node: items.Rule, context: Context) -> None:
    """Report riders that mean nothing beside the action of *node*."""
    for one in node.riders:
        if isinstance(one, items.OnStateFailure) and not isinstance(node.action, items.Throttle):
            context.report.add(catalog_policies.state_failure_of_nothing(one.span))


def warn_about_default(node: items.Policy, name: str, context: Context) -> None:
    """Warn about ``allow`` rules that change nothing, and about rules of which none allows.

    An ``allow`` rule under ``default allow`` does something if it has side effects, if it is
    counted, or if it denies when its conditions cannot be known.
    """
    environment = context.environment
    allowing = [rule for rule in node.rules if isinstance(rule.action, items.Allow)]
    if node.default == "deny" and node.rules and not allowing:
        context.report.add(catalog_warnings.allows_nothing(node.name.name, node.name.span))
    if node.default == "deny" or any(one.on_failure for one in environment.classifiers.values()):
        return
    for rule in allowing:
        idle = not any(isinstance(one, EFFECTS) for one in rule.riders)
        if idle and f"{name}.{rule.name.name}" not in environment.counted:
            warning = catalog_warnings.allows_nothing_more(rule.name.name, rule.name.span)
            context.report.add(warning)
