"""Hypothesis strategies: programs of a few policies over the schema of ``vocabulary``."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.language import program, typed
from engine.language.text import NOWHERE
from engine.language.typed import Expr
from engine.language.types import BOOL
from tests.strategies import Maker, Scope
from tests.vocabulary import FIELDS, LISTS, METERS, bare_rule


@st.composite
def programs(draw: st.DrawFn) -> program.Program:
    """Draw one to three policies of up to eight rules."""
    maker = Maker(draw)
    policies = tuple(policy(maker, f"p{number}") for number in range(maker.pick((1, 2, 3))))
    lists = {name: program.ListFile(name, "", "", NOWHERE) for name in LISTS}
    return program.Program(FIELDS, (), lists, {}, {}, METERS, policies, (), ())


def policy(maker: Maker, name: str) -> program.Policy:
    """Draw one policy. Some of its rules share a condition, so that it is computed once."""
    shared = maker.condition(1, Scope())
    applies = maker.pick((None, shared, maker.condition(1, Scope())))
    count = maker.pick((1, 2, 4, 8))
    rules = tuple(rule(maker, f"{name}.r{index}", shared) for index in range(count))
    return program.Policy(name, "", "", applies, "allow", "", False, None, rules, NOWHERE)  # noqa: FBT003


def rule(maker: Maker, name: str, shared: Expr) -> program.Rule:
    """Draw one rule."""
    own = maker.condition(maker.pick((0, 1, 2)), Scope())
    both = typed.And((shared, own), BOOL, NOWHERE)
    when = maker.pick((own, own, both, None))
    unless = maker.condition(1, Scope()) if maker.pick((True, False, False)) else None
    return bare_rule(name, when, unless)
