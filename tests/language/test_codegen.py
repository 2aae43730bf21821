"""Generated code: places, what it may reach, and how often it asks."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from types import FunctionType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.bind import BUILTINS, HELPERS, Networks, bind, pattern, value_of
from engine.language.codegen import generate
from engine.language.emit import describe
from engine.language.functions import TABLE, Unknowable
from engine.language.globs import Glob, read_glob
from engine.language.lower import lower_file
from engine.language.plan import Choice, Threshold
from engine.language.unit import Unit, dump_unit, load_unit
from tests.language.plans import compiled, planned, wrapped


class Asked:
    """Evidence that counts its questions."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(self, score: float | None = 0.9) -> None:
        self.questions: list[str] = []
        self.score_given = score

    def injection(self, path: str) -> float:
        self.questions.append(path)
        if self.score_given is None:
            raise Unknowable("the detector")
        return self.score_given


def run(text: str, record: object, evidence: object) -> tuple[list[int], list[int], list[int]]:
    """Return what *text* puts on applied, hits and slow, as policy 7 and rules from 70."""
    (unit,) = compiled(text).units
    found: tuple[list[int], list[int], list[int]] = ([], [], [])
    for piece in unit.pieces:
        bound = (*(70 for _ in piece.ruled), *(7 for _ in piece.applying))
        function = FunctionType(piece.code, bind(unit.constants, {}), None, bound)
        function(record, evidence, *found)
    return found


RECORD = SimpleNamespace(
    stage="request",
    tenant=SimpleNamespace(id="north"),
    user=SimpleNamespace(id="u", roles=frozenset({"a"})),
    usage=SimpleNamespace(input_tokens=3),
)


def test_numbers_are_relative_to_what_is_bound() -> None:
    rules = "when (usage.input_tokens ?? 0) > 5\nwhen (usage.input_tokens ?? 0) > 1"
    text = wrapped(rules).replace("default", 'applies when tenant.id == "north" default')
    assert run(text, RECORD, Asked()) == ([7], [71], [])


def test_a_dear_condition_is_asked_once_and_only_when_needed() -> None:
    rules = (
        'when user.id != "a" and injection(content) > 0.5\n'
        'when user.id != "b" and injection(content) > 0.5'
    )
    asked = Asked()
    assert run(wrapped(rules), RECORD, asked)[1] == [70, 71]
    assert asked.questions == ["content"]
    asked = Asked()
    run(wrapped(rules.replace('"a"', '"u"').replace('"b"', '"u"')), RECORD, asked)
    assert asked.questions == []


def test_what_cannot_be_known_is_put_on_slow() -> None:
    rules = "when injection(content) > 0.5\nwhen (usage.input_tokens ?? 0) > 1"
    assert run(wrapped(rules), RECORD, Asked(None)) == ([], [71], [70])
    text = wrapped("when true").replace("default", "applies when injection(content) > 0.5 default")
    assert sorted(run(text, RECORD, Asked(None))[2]) == [~7, 70]


def test_a_traceback_shows_the_policy() -> None:
    text = wrapped('\n\nwhen user.id != "a"').replace("default", "\n default")
    (unit,) = compiled(text, "clinic/triage.pol").units
    (piece,) = unit.pieces
    function = FunctionType(piece.code, bind(unit.constants, {}), None, (0,))
    with pytest.raises(AttributeError) as caught:
        function(SimpleNamespace(), None, [], [], [])
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == "clinic/triage.pol"
    line = text.splitlines()[(last.lineno or 0) - 1]
    assert line.startswith("rule r0")
    assert last.colno is not None
    assert last.end_colno is not None
    assert line[last.colno : last.end_colno] == "user.id"


def test_code_has_no_builtins_but_a_few_harmless_ones() -> None:
    assert set(bind((), {})) == {"__builtins__", "FAULTS"}
    assert set(BUILTINS) == {"any", "all", "float", "frozenset", "Decimal"}


def test_nothing_that_an_author_writes_becomes_a_name_of_the_code() -> None:
    hostile = "__import__('os').system('true')"
    text = wrapped(f'when user.id == "{hostile}" and stage like "{hostile}*"')
    (unit,) = compiled(text).units
    (piece,) = unit.pieces
    assert hostile not in piece.code.co_names
    assert set(piece.code.co_names) <= {"stage", "startswith", "append", "FAULTS"}


def test_conditions_that_cannot_fail_stand_in_no_try() -> None:
    (piece,) = generate(planned(wrapped('when user.id != "a"'))).pieces
    assert "FAULTS" not in piece.code.co_names
    (piece,) = generate(planned(wrapped("when injection(content) > 0.5"))).pieces
    assert "FAULTS" in piece.code.co_names


def test_a_policy_without_conditions_compiles_to_nothing_to_call() -> None:
    (unit,) = compiled("policy p { default allow }").units
    assert unit.pieces == ()
    assert lower_file("empty.pol", []).fragments == ()


def test_a_unit_is_the_same_after_it_was_kept() -> None:
    schema = "schema { context.price: decimal context.at: time context.ip: ip }"
    rules = (
        "when context.price > 5.00\n"
        "when context.at > 2026-01-01T00:00:00Z\n"
        'when context.ip within {"10.0.0.0/8", "2001:db8::/32"}\n'
        'when user.id like "a*b" and content matches /x+/\n'
        'when (usage.input_tokens ?? 0) > 5 and tenant.id in {"a", "b"}'
    )
    (unit,) = compiled(wrapped(rules, schema)).units
    assert load_unit(dump_unit(unit)) == unit
    assert any(isinstance(step, Choice) for piece in unit.pieces for step in piece.steps)
    thresholds = Unit("t", (), (), ())
    assert load_unit(dump_unit(thresholds)) == thresholds


def test_thresholds_are_kept_too() -> None:
    (unit,) = compiled(wrapped("when (usage.input_tokens ?? 0) > 5")).units
    assert unit.pieces[0].steps == (Threshold("usage.input_tokens", ">", 5, 0),)
    assert load_unit(dump_unit(unit)) == unit


# --- constants -----------------------------------------------------------------------------------

VALUES = [
    True,
    5,
    0.5,
    "a",
    Decimal("1.50"),
    datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
    timedelta(days=1, seconds=2, microseconds=3),
    ip_address("10.0.0.1"),
    ip_address("2001:db8::1"),
    ip_network("10.0.0.0/8"),
    frozenset({"a", "b"}),
    frozenset({Decimal(1), Decimal("2.5")}),
    (1, 2),
    (Decimal(1), Decimal(2)),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_constant_is_bound_as_it_was(value: object) -> None:
    made = value_of(describe(value), {})
    assert made == value
    assert type(made) is type(value)


def test_what_is_no_constant_is_refused() -> None:
    with pytest.raises(AssertionError, match="no constant"):
        describe([])
    with pytest.raises(AssertionError, match="no such constant"):
        value_of(("unheard", "of"), {})


def test_lists_functions_and_helpers_are_bound_by_name() -> None:
    words = {"p.words": frozenset({"a"})}
    assert value_of(("list", "p.words"), words) is words["p.words"]
    assert value_of(("function", "hour"), {}) is TABLE["hour"].body
    assert value_of(("helper", "json_equal"), {}) is HELPERS["json_equal"]


def test_a_pattern_is_compiled_once_when_it_is_first_asked() -> None:
    lazy = pattern("a+b", "search")
    first = lazy.ask
    assert lazy.ask("xaab") is not None
    assert lazy.ask is not first
    assert lazy.ask("xb") is None
    assert pattern("a+b", "search") is lazy
    assert pattern("a+b", "fullmatch").ask("xaab") is None


ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)
NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/32", "::/0", "2001:db8::/32", "192.168.0.0/29"]


@given(ADDRESSES, st.sets(st.sampled_from(NETWORKS)))
def test_networks_hold_what_the_library_says(address: object, some: set[str]) -> None:
    expected = any(address in ip_network(one) for one in some)
    assert Networks(sorted(some)).hold(address) is expected  # type: ignore[arg-type]


def test_networks_are_bound_by_their_text() -> None:
    made = value_of(("networks", ("10.0.0.0/8",)), {})
    assert isinstance(made, Networks)
    assert made.hold(ip_address("10.9.9.9"))
    assert not made.hold(ip_address("11.9.9.9"))


@pytest.mark.parametrize(
    ("glob", "test"),
    [
        ("abc", Glob("is", "abc")),
        ("abc*", Glob("starts", "abc")),
        ("*abc", Glob("ends", "abc")),
        ("*abc*", Glob("holds", "abc")),
        ("*", Glob("holds", "")),
        ("a*c", Glob("pattern", "(?s)a.*c")),
        ("a?c.", Glob("pattern", "(?s)a.c\\.")),
    ],
)
def test_a_glob_becomes_the_cheapest_test(glob: str, test: Glob) -> None:
    assert read_glob(glob) == test


def test_helpers_know_what_is_out_of_range() -> None:
    in_range = HELPERS["in_range"]
    for beyond in (2**63, float("inf"), Decimal("1E+6140")):
        with pytest.raises(ArithmeticError):
            in_range(beyond)
    for value in (5, 0.5, Decimal("0.5"), timedelta(1)):
        assert in_range(value) is value


def test_helpers_compare_collections_of_json() -> None:
    assert HELPERS["json_overlaps"](["a", 1], frozenset({"a"}))
    assert HELPERS["json_overlaps"](frozenset({"a"}), ["b", "a"])
    assert not HELPERS["json_within"](["a", "b"], frozenset({"a"}))
    assert HELPERS["first"](None, 1) == 1
    assert HELPERS["first"](0, 1) == 0
    assert HELPERS["to_float"](1) == 1.0
    assert HELPERS["to_decimal"](0.1) == Decimal("0.1")
    assert HELPERS["to_string"]("a") == "a"


def test_every_piece_is_a_code_object_named_after_its_file() -> None:
    (unit,) = compiled(wrapped('when tenant.id == "a"\nwhen tenant.id == "b"'), "x/y.pol").units
    codes = [piece.code for piece in unit.pieces]
    assert len(codes) == 2
    assert all(one.co_filename == "x/y.pol" for one in codes)
