"""Lowering: what is folded, turned around, put in order and shared, with the meaning kept."""

from __future__ import annotations

from engine.language import typed
from engine.language.cost import cost, steady
from engine.language.lower import conjunction, lower_file, normalise
from engine.language.plan import Block, Branch, Choice, Entry
from engine.language.program import Policy
from engine.language.text import NOWHERE
from engine.language.typed import Expr
from engine.language.types import BOOL, FLOAT, INT, JSON, STRING, SetOf
from engine.language.walk import anonymous, descend, inner, rebuild
from tests.vocabulary import attribute, bare_rule, constant

TRUE = constant(True, BOOL)  # noqa: FBT003
FALSE = constant(False, BOOL)  # noqa: FBT003
TRUSTED = attribute("user.trusted")


def compare(path: str, operator: str, value: str | float) -> typed.Compare:
    subject = attribute(path)
    other = constant(value, subject.type)
    return typed.Compare(operator, subject, other, BOOL, NOWHERE)  # type: ignore[arg-type]


def both(*parts: Expr) -> Expr:
    return typed.And(parts, BOOL, NOWHERE)


def either(*parts: Expr) -> Expr:
    return typed.Or(parts, BOOL, NOWHERE)


def negated(inner: Expr) -> Expr:
    return typed.Not(inner, BOOL, NOWHERE)


NORTH = compare("tenant.id", "==", "north")
SOUTH = compare("tenant.id", "==", "south")
LARGE = compare("user.clearance", ">", 3)
HAS = typed.Has(attribute("content"), frozenset({"pii.email"}), ("pii.email",), BOOL, NOWHERE)


def test_a_false_part_decides_a_conjunction() -> None:
    assert normalise(both(HAS, FALSE)) == FALSE
    assert conjunction([HAS, FALSE], NOWHERE) is None


def test_a_true_part_decides_a_disjunction() -> None:
    assert normalise(either(HAS, TRUE)) == TRUE


def test_what_decides_nothing_is_dropped() -> None:
    assert normalise(both(TRUE, NORTH)) == NORTH
    assert normalise(either(FALSE, NORTH)) == NORTH
    assert conjunction([TRUE, None], NOWHERE) == ()
    assert normalise(either()) == FALSE


def test_repetitions_are_dropped() -> None:
    assert normalise(both(NORTH, NORTH)) == NORTH


def test_nested_conjunctions_become_flat() -> None:
    assert normalise(both(both(NORTH, TRUSTED), LARGE)) == both(TRUSTED, NORTH, LARGE)


def test_negation_goes_inwards() -> None:
    assert normalise(negated(both(NORTH, LARGE))) == either(
        compare("tenant.id", "!=", "north"), compare("user.clearance", "<=", 3)
    )
    assert normalise(negated(either(NORTH, LARGE))) == both(
        compare("tenant.id", "!=", "north"), compare("user.clearance", "<=", 3)
    )
    assert normalise(negated(negated(NORTH))) == NORTH
    assert normalise(negated(TRUSTED)) == negated(TRUSTED)
    assert normalise(negated(TRUE)) == FALSE


def test_a_negated_quantifier_asks_the_opposite() -> None:
    item = typed.Variable("x", 0, STRING, NOWHERE)
    body = typed.Compare("==", item, constant("a", STRING), BOOL, NOWHERE)
    other = typed.Compare("!=", item, constant("a", STRING), BOOL, NOWHERE)
    roles = attribute("user.roles")
    some = typed.Quantifier("any", "x", 0, roles, body, BOOL, NOWHERE)
    all_ = typed.Quantifier("all", "x", 0, roles, other, BOOL, NOWHERE)
    assert normalise(negated(some)) == all_
    assert normalise(negated(all_)) == some


def test_the_order_of_json_is_not_turned_around() -> None:
    argument = typed.ArgumentAt(("x",), JSON, NOWHERE)
    below = typed.Compare("<", argument, constant(1, INT), BOOL, NOWHERE)
    assert normalise(negated(below)) == negated(below)


def test_comparisons_of_constants_are_folded() -> None:
    one, two = constant(1, INT), constant(2, INT)
    assert normalise(typed.Compare("<", one, two, BOOL, NOWHERE)) == TRUE
    assert normalise(typed.Compare("!=", one, one, BOOL, NOWHERE)) == FALSE
    numbers = constant(frozenset({1}), SetOf(INT))
    assert normalise(typed.Member(one, numbers, BOOL, NOWHERE)) == TRUE
    nothing = constant(frozenset(), SetOf(STRING))
    assert normalise(typed.Overlaps(attribute("user.roles"), nothing, BOOL, NOWHERE)) == FALSE


def test_equalities_of_one_attribute_become_one_membership() -> None:
    made = normalise(either(NORTH, LARGE, SOUTH, compare("user.id", "==", "a")))
    members = typed.Member(
        attribute("tenant.id"),
        constant(frozenset({"north", "south"}), STRING),
        BOOL,
        NOWHERE,
    )
    assert isinstance(made, typed.Or)
    assert set(made.parts) == {members, LARGE, compare("user.id", "==", "a")}


def test_the_cheapest_part_comes_first_and_guards_stay_before_what_they_guard() -> None:
    present = typed.Present(attribute("model.name"), BOOL, NOWHERE)
    name = compare("model.name", "==", "m")
    assert conjunction([both(HAS, LARGE, present, name)], NOWHERE) == (present, LARGE, name, HAS)


def test_every_detector_is_dearer_than_any_comparison() -> None:
    content = attribute("content")
    dear: list[Expr] = [
        HAS,
        typed.Score("toxicity", content, FLOAT, NOWHERE),
        typed.Count("refusals", INT, NOWHERE),
        typed.Tainted(("to",), BOOL, NOWHERE),
        typed.Call("injection", (content,), frozenset(), FLOAT, NOWHERE),
    ]
    assert min(map(cost, dear)) > cost(both(NORTH, LARGE, TRUSTED))


def test_what_may_be_absent_is_steady_only_in_equalities() -> None:
    assert steady(compare("model.name", "==", "m"))
    assert not steady(compare("context.count", ">", 1))
    assert steady(compare("user.clearance", ">", 1))


def test_everything_in_a_tree_is_found_outermost_first() -> None:
    assert list(descend(NORTH)) == [NORTH, NORTH.left, NORTH.right]


def test_a_tree_can_be_taken_apart_and_put_together() -> None:
    assert rebuild(NORTH, inner(NORTH), NOWHERE) == NORTH
    assert anonymous(NORTH) == NORTH


# --- entries and fragments -----------------------------------------------------------------------


def policy(*conditions: Expr | None, applies: Expr | None = None) -> Policy:
    rules = tuple(bare_rule(f"p.r{number}", when) for number, when in enumerate(conditions))
    return Policy("p", "", "", applies, "allow", "", False, None, rules, NOWHERE)  # noqa: FBT003


def shape(block: Block) -> list[object]:
    """Return rule numbers, and lists for what stands in a branch."""
    return [
        one.rule if isinstance(one, Entry) else [one.condition, *shape(one.body)] for one in block
    ]


def test_a_policy_without_a_condition_always_applies() -> None:
    plan = lower_file("f.pol", [policy(NORTH)])
    assert [one.always for one in plan.policies] == [True]
    assert [one.steps for one in plan.fragments] == [
        (Choice("tenant.id", many=False, values=frozenset({"north"})),)
    ]


def test_a_policy_is_an_entry_beside_its_rules() -> None:
    plan = lower_file("f.pol", [policy(None, LARGE, applies=NORTH)])
    (fragment,) = plan.fragments
    assert [one.always for one in plan.policies] == [False]
    assert shape(fragment.body) == [None, 0, 1]


def test_what_can_never_hold_is_left_out() -> None:
    assert lower_file("f.pol", [policy(LARGE, applies=FALSE)]).fragments == ()
    assert lower_file("f.pol", [policy(FALSE)]).fragments == ()


def test_a_condition_that_several_rules_need_is_tried_once() -> None:
    trusted = both(TRUSTED, compare("context.score", ">", 0.5))
    plan = lower_file("f.pol", [policy(trusted, both(TRUSTED, HAS), HAS, applies=NORTH)])
    (fragment,) = plan.fragments
    assert shape(fragment.body) == [[TRUSTED, 0, 1], None, 2]


def test_a_dear_condition_is_not_tried_ahead_of_the_cheap_ones() -> None:
    plan = lower_file("f.pol", [policy(both(LARGE, HAS), both(TRUSTED, HAS), applies=NORTH)])
    (fragment,) = plan.fragments
    assert not any(isinstance(one, Branch) for one in fragment.body)


def test_many_rules_of_one_tenant_are_divided_further() -> None:
    tools = [
        both(NORTH, compare("stage", "==", "tool_call"), compare("tool.name", "==", f"t{number}"))
        for number in range(40)
    ]
    plan = lower_file("f.pol", [policy(*tools)])
    paths = {tuple(step.path for step in one.steps) for one in plan.fragments}
    assert paths in ({("tenant.id", "tool.name")}, {("tool.name",)})


def test_few_rules_of_one_tenant_are_not_divided() -> None:
    tools = [both(NORTH, compare("tool.name", "==", f"t{number}")) for number in range(3)]
    plan = lower_file("f.pol", [policy(*tools, applies=NORTH)])
    assert [len(one.steps) for one in plan.fragments] == [1]


def test_a_fragment_stays_of_a_size_that_python_compiles_well() -> None:
    conditions = [compare("user.id", "!=", f"u{number}") for number in range(600)]
    plan = lower_file("f.pol", [policy(*conditions)])
    assert [len(one.body) for one in plan.fragments] == [256, 256, 88]


def wide(path: str, count: int) -> Expr:
    values = frozenset(f"{path}{number}" for number in range(count))
    return typed.Member(attribute(path), constant(values, SetOf(STRING)), BOOL, NOWHERE)


def steps_of(*conditions: Expr) -> list[list[str]]:
    plan = lower_file("f.pol", [policy(*conditions)])
    return [[step.path for step in fragment.steps] for fragment in plan.fragments]


def test_a_long_list_of_values_is_tried_not_filed() -> None:
    assert steps_of(wide("tenant.id", 64)) == [["tenant.id"]]
    assert steps_of(wide("tenant.id", 65)) == [[]]
    assert steps_of(either(wide("tenant.id", 40), negated(negated(wide("user.id", 2))))) == [[]]
    halves = [both(wide("tenant.id", 40), LARGE), both(SOUTH, TRUSTED), both(NORTH, LARGE)]
    assert steps_of(either(*halves)) == [["tenant.id"]]
    more = constant(frozenset(f"more{number}" for number in range(40)), SetOf(STRING))
    other = typed.Member(attribute("tenant.id"), more, BOOL, NOWHERE)
    assert steps_of(either(both(wide("tenant.id", 40), LARGE), both(other, TRUSTED))) == [[]]
    others = [both(wide("user.id", 40), LARGE), both(wide("user.id", 39), TRUSTED)]
    assert steps_of(either(*others)) == [["user.id"]]


def test_nothing_is_filed_under_too_many_combinations() -> None:
    rules = [
        both(wide("tenant.id", 20), wide("user.id", 20), compare("stage", "!=", f"s{number}"))
        for number in range(40)
    ]
    assert steps_of(*rules) == [["user.id"]]


def test_the_more_selective_of_two_keys_of_one_attribute_is_used() -> None:
    few, many = wide("user.id", 2), wide("user.id", 20)
    for condition in (both(few, many), both(many, few)):
        plan = lower_file("f.pol", [policy(condition)])
        (step,) = plan.fragments[0].steps
        assert isinstance(step, Choice)
        assert len(step.values) == 2


def test_json_passes_no_threshold() -> None:
    arguments = attribute("tool.args")
    five = constant(5, INT)
    assert steps_of(typed.Compare(">", arguments, five, BOOL, NOWHERE)) == [[]]
    assert steps_of(typed.Compare("==", arguments, five, BOOL, NOWHERE)) == [[]]
