from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.entities import ENTITIES
from engine.content.findings import Finding
from engine.content.redact import Span, Strategy, label_of, redact_json, redact_text
from engine.content.scan import build_scanner

KEY, SCOPE = b"a key for tests", "north/s1"
LABEL = Strategy("label")
SCANNER = build_scanner((), {})


def redact(
    text: str, strategy: Strategy, *places: tuple[int, int], entity: str = "pii.email"
) -> str:
    findings = [Finding(entity, start, end, 1.0) for start, end in places]
    return redact_text(text, findings, {entity: strategy}, KEY, SCOPE).text


def test_each_strategy_replaces_in_its_own_way() -> None:
    text = "mail ann@b.org now"
    assert redact(text, LABEL, (5, 14)) == "mail [EMAIL] now"
    assert redact(text, Strategy("mask"), (5, 14)) == "mail ********* now"
    assert redact(text, Strategy("mask", "#", 4), (5, 14)) == "mail #####.org now"
    assert redact(text, Strategy("mask", "", 4), (5, 14)) == "mail .org now"
    assert redact(text, Strategy("drop"), (5, 14)) == "mail  now"


def test_a_mask_never_keeps_all_of_a_finding() -> None:
    assert redact("a 1234 b", Strategy("mask", "*", 4), (2, 6)) == "a **** b"
    assert redact("a 1234 b", Strategy("mask", "*", 9), (2, 6)) == "a **** b"


def test_a_hash_is_keyed_and_the_same_for_the_same_text() -> None:
    text = "ann@b.org bob@b.org ann@b.org"
    first, second, third = redact(text, Strategy("hash"), (0, 9), (10, 19), (20, 29)).split(" ")
    assert first == third != second
    assert len(first) == len("[EMAIL:1f3a9c0b12de]")
    finding = Finding("pii.email", 0, 9, 1.0)
    other = redact_text(text, [finding], {"pii.email": Strategy("hash")}, b"another", SCOPE)
    assert not other.text.startswith(first)


def test_a_token_holds_within_its_scope_only() -> None:
    finding = Finding("pii.email", 0, 9, 1.0)
    tokens = {"pii.email": Strategy("token")}
    here = redact_text("ann@b.org", [finding], tokens, KEY, SCOPE)
    again = redact_text("ann@b.org!", [finding], tokens, KEY, SCOPE)
    there = redact_text("ann@b.org", [finding], tokens, KEY, "south/s1")
    assert here.text + "!" == again.text
    assert here.text != there.text
    assert here.text.startswith("[EMAIL_")
    assert len(here.text) == len("[EMAIL_7f3a2c1b]")


@pytest.mark.parametrize("name", ["hash", "token"])
def test_hash_and_token_refuse_to_work_without_a_key(name: str) -> None:
    finding = Finding("pii.email", 0, 1, 1.0)
    strategy = Strategy("hash" if name == "hash" else "token")
    with pytest.raises(ValueError, match="need a key"):
        redact_text("a", [finding], {"pii.email": strategy}, b"", SCOPE)


def test_a_lone_surrogate_can_be_hashed() -> None:
    assert redact("\ud800", Strategy("hash"), (0, 1)).startswith("[EMAIL:")


@pytest.mark.parametrize("place", [(-1, 2), (0, 9), (2, 2), (3, 2)])
def test_a_finding_outside_the_text_is_an_error(place: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="outside the text"):
        redact("abcde", LABEL, place)


def test_findings_of_other_entities_stay() -> None:
    findings = [Finding("pii.email", 0, 1, 1.0), Finding("pii.ip", 2, 3, 1.0)]
    assert redact_text("a b", findings, {"pii.ip": LABEL}, KEY, SCOPE).text == "a [IP]"
    assert redact_text("a b", findings, {}, KEY, SCOPE).text == "a b"


@pytest.mark.parametrize(
    ("findings", "winner"),
    [
        ([("x.long", 0, 6), ("x.short", 4, 8)], "x.long"),
        ([("x.short", 0, 4), ("x.long", 2, 8)], "x.long"),
        ([("x.mask", 0, 4), ("x.drop", 0, 4)], "x.drop"),
        ([("x.b", 0, 4), ("x.a", 0, 4)], "x.a"),
        ([("x.outer", 0, 9), ("x.inner", 2, 4)], "x.outer"),
    ],
)
def test_of_overlapping_findings_the_longest_then_the_stricter_then_the_first_name_decides(
    findings: list[tuple[str, int, int]], winner: str
) -> None:
    strategies = {name: LABEL for name, _, _ in findings}
    strategies |= {"x.mask": Strategy("mask"), "x.drop": Strategy("drop")}
    made = redact_text(
        "0123456789", [Finding(*one, 1.0) for one in findings], strategies, KEY, SCOPE
    )
    end = max(one[2] for one in findings)
    assert made.spans == (Span("content", 0, end, winner, strategies[winner].name),)
    assert made.text.endswith("0123456789"[end:])


def test_neighbours_are_replaced_one_by_one() -> None:
    assert redact("abcd", LABEL, (0, 2), (2, 4)) == "[EMAIL][EMAIL]"


def test_json_keeps_its_structure_and_names_the_places() -> None:
    value = {
        "to": ["x", "mail a@b.org"],
        "n": 5,
        "deep": {"note": "c@d.org", "on": None},
        "t": ("e",),
    }
    made = redact_json(
        value,
        lambda text: SCANNER.scan(text, frozenset({"pii.email"})),
        {"pii.email": LABEL},
        KEY,
        SCOPE,
    )
    assert made.value == {
        "to": ["x", "mail [EMAIL]"],
        "n": 5,
        "deep": {"note": "[EMAIL]", "on": None},
        "t": ["e"],
    }
    assert made.spans == (
        Span("tool.args.to.1", 5, 12, "pii.email", "label"),
        Span("tool.args.deep.note", 0, 7, "pii.email", "label"),
    )


# --- laws -----------------------------------------------------------------------------------------

NAMES = ("pii.email", "pii.ip", "secret.aws")
STRATEGIES = st.builds(
    Strategy,
    st.sampled_from(["label", "mask", "hash", "token", "drop"]),
    st.sampled_from(["*", "#", ""]),
    st.integers(0, 6),
)


@st.composite
def texts_with_findings(draw: st.DrawFn) -> tuple[str, list[Finding]]:
    """Findings cover only Greek letters, and nothing else is Greek."""
    pieces = draw(
        st.lists(st.tuples(st.text("ab \n😀", max_size=5), st.text("αβγ", min_size=1, max_size=6)))
    )
    text = ""
    findings: list[Finding] = []
    for plain, greek in pieces:
        begin = len(text) + len(plain)
        text += plain + greek
        places = sorted(draw(st.tuples(st.integers(0, len(greek) - 1), st.integers(1, len(greek)))))
        start, end = places[0], max(places[1], places[0] + 1)
        findings.append(Finding(draw(st.sampled_from(NAMES)), begin, begin + len(greek), 1.0))
        findings.append(Finding(draw(st.sampled_from(NAMES)), begin + start, begin + end, 1.0))
    return text, findings


@pytest.mark.slow
@given(texts_with_findings(), st.fixed_dictionaries(dict.fromkeys(NAMES, STRATEGIES)))
def test_spans_are_sorted_disjoint_and_all_else_is_unchanged(
    made: tuple[str, list[Finding]], strategies: dict[str, Strategy]
) -> None:
    text, findings = made
    redacted = redact_text(text, findings, strategies, KEY, SCOPE)
    done = 0
    rest = redacted.text
    for span in redacted.spans:
        assert done <= span.start < span.end
        kept = text[done : span.start]
        assert rest.startswith(kept)
        rest = rest[len(kept) :]
        finding = Finding(span.entity, span.start, span.end, 1.0)
        alone = redact_text(text, [finding], strategies, KEY, SCOPE).text
        replacement = alone[span.start : len(alone) - len(text[span.end :])]
        assert rest.startswith(replacement)
        rest = rest[len(replacement) :]
        done = span.end
    assert rest == text[done:]
    assert all(
        any(span.start <= one.start and one.end <= span.end for span in redacted.spans)
        for one in findings
    )


@pytest.mark.slow
@given(
    texts_with_findings(),
    st.sampled_from([LABEL, Strategy("hash"), Strategy("drop"), Strategy("token")]),
)
def test_no_part_of_a_finding_survives(made: tuple[str, list[Finding]], strategy: Strategy) -> None:
    text, findings = made
    redacted = redact_text(text, findings, dict.fromkeys(NAMES, strategy), KEY, SCOPE)
    assert not set(redacted.text) & set("αβγ")


@pytest.mark.slow
@given(
    st.lists(
        st.sampled_from(["call +49 30 1234567, ", "a@b.org ", "10.0.0.1, ", "536-90-4399, ", "x"])
    )
)
def test_redacting_twice_with_labels_changes_nothing_more(pieces: list[str]) -> None:
    strategies = dict.fromkeys(ENTITIES, LABEL)
    text = "".join(pieces)
    once, twice = text, ""
    for _ in range(2):
        findings = SCANNER.scan(once, frozenset(ENTITIES))
        twice, once = once, redact_text(once, findings, strategies, KEY, SCOPE).text
    assert once == twice


def test_a_label_says_what_was_found_and_not_in_which_country() -> None:
    assert label_of("pii.email") == "EMAIL"
    assert label_of("pii.national_id.de") == "NATIONAL_ID"
    assert label_of("acme.id") == "ID"
    assert label_of("acme.hr.badge") == "BADGE"


def test_of_two_names_for_one_place_the_surer_one_is_shown() -> None:
    both = [Finding("secret.generic", 0, 4, 0.7), Finding("secret.github", 0, 4, 0.95)]
    plan = {"secret.generic": LABEL, "secret.github": LABEL}
    assert redact_text("abcd", both, plan, b"", "").text == "[GITHUB]"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([("pii.person", 3, 6, 0.99), ("pii.email", 3, 12, 0.95)], "to [EMAIL]."),
        ([("pii.date", 3, 12, 0.7), ("pii.date_of_birth", 3, 12, 0.9)], "to [DATE_OF_BIRTH]."),
        ([("pii.person", 3, 8, 0.9), ("pii.organization", 7, 12, 0.8)], "to [PERSON]."),
        ([("pii.title", 3, 6, 0.9), ("pii.person", 7, 12, 0.8)], "to [TITLE] [PERSON]."),
    ],
)
def test_what_is_read_and_what_has_a_shape_are_shown_as_one(
    found: list[tuple[str, int, int, float]], said: str
) -> None:
    plan = {one[0]: LABEL for one in found}
    findings = [Finding(*one) for one in found]
    assert redact_text("to ann lee@x.", findings, plan, b"", "").text == said


def test_a_number_is_whole_in_any_way_of_writing_it() -> None:
    def find(text: str) -> tuple[Finding, ...]:
        return (Finding("pii.card", 0, len(text), 1.0),) if text == "4111" else ()

    value = [4111, 4111.0, 41.5, float("inf"), True]
    strategies = {"pii.card": Strategy("label")}
    made = redact_json(value, find, strategies, b"", "")
    assert made.value == ["[CARD]", "[CARD]", 41.5, float("inf"), True]
