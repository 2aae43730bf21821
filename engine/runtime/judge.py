"""One rule and a request -> whether it holds: for what the compiled code gave up on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from engine.language.program import Policy, Program, Rule
from engine.runtime.evidence import Evidence
from engine.runtime.reference import Interpreter, Unknown, rule_holds


class Judge:
    """The reference evaluator, asked for single conditions; *program* is fetched when it is."""

    def __init__(self, program: Callable[[], Program], lists: Mapping[str, frozenset[str]]) -> None:
        self._program = program
        self._lists = lists

    @cached_property
    def _rules(self) -> tuple[tuple[Policy, Rule], ...]:
        policies = self._program().policies
        return tuple((policy, rule) for policy in policies for rule in policy.rules)

    def judge_policy(self, number: int, evidence: Evidence) -> bool | str:
        """Return whether policy *number* applies, or what about that cannot be known."""
        return self._applies(self._program().policies[number], Interpreter(evidence, self._lists))

    def judge_rule(self, number: int, evidence: Evidence) -> bool | str:
        """Return whether rule *number* holds, or what about it cannot be known.

        A rule of a policy of which it cannot be known whether it applies does not hold: the
        policy's own doubt speaks for it.
        """
        policy, rule = self._rules[number]
        interpreter = Interpreter(evidence, self._lists)
        if self._applies(policy, interpreter) is not True:
            return False
        outcome = rule_holds(rule, interpreter)
        return outcome.what if isinstance(outcome, Unknown) else outcome

    def _applies(self, policy: Policy, interpreter: Interpreter) -> bool | str:
        if policy.applies is None:
            return True
        value = interpreter.value(policy.applies)
        return value.what if isinstance(value, Unknown) else bool(value)
