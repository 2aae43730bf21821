"""Persons, addresses, places, organisations: found by lists, a model, and what is near alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content import tagger, tagger_model
from engine.content.tagger_decode import Name
from engine.content.tagger_model import (
    LABELS,
    Model,
    load_model,
)
from engine.content.tagger_runs import find_runs, read_pieces

ALL = tagger.SERVED
NEAR = 256
WORDS = (
    "Anna", "Smith", "kowalski", "Peter", "in", "Berlin", "lives", "at", "12", "Main", "Street",
    "street", "the", "of", "and", ",", ".", "\n", "\n\n", " ", "Acme", "Ltd", "French", "35",
    "years", "old", "Dr.", "mrs.", "March", "5", ",", "2019", "2019-03-05", "xqzkv", "qqwv",
    "Suite", "IL", "62704", "nurse", "engineer", "de", "-", "'", "(", ")", "A", "B", "@", "don't",
    "Will", "may", "a" * 30, " " * 30, "https://a.example/x", "was", "is", ":", "South", "African",
    "\t", "   ", "Zq", "ZQ",
)  # fmt: skip
texts = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(("", " ", " "))), max_size=400
).map(lambda parts: "".join(word + space for word, space in parts))


def found(text: str, *wanted: str) -> list[tuple[str, str]]:
    kinds = frozenset("pii." + one for one in wanted) or ALL
    return [(name[4:], text[start:end]) for name, start, end, _ in tagger.find(text, kinds)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Henrike Vossberg", ("person", "Henrike Vossberg")),
        ("please call Tomasz Wiśniewski tomorrow", ("person", "Tomasz Wiśniewski")),
        ("Dear Mr. Abernathy, thank you", ("person", "Abernathy")),
        ("I grew up in Rotterdam", ("location", "Rotterdam")),
        ("we fly to New Zealand next week", ("location", "New Zealand")),
        ("she works for Kellermann GmbH", ("organization", "Kellermann GmbH")),
        ("The contract with Hartwell Industries ends", ("organization", "Hartwell Industries")),
        ("I live at 48 Rosewood Avenue", ("address", "48 Rosewood Avenue")),
        (
            "Ich wohne in der Lindenstraße 14, 50674 Köln.",
            ("address", "Lindenstraße 14, 50674 Köln"),
        ),
        (
            "J'habite 12 rue des Lilas, 31000 Toulouse",
            ("address", "12 rue des Lilas, 31000 Toulouse"),
        ),
        (
            "Ship it to\n901 Birch Lane\nApt. 6\nDayton, OH 45402",
            ("address", "901 Birch Lane\nApt. 6\nDayton, OH 45402"),
        ),
    ],
)
def test_names_are_found_whole(text: str, expected: tuple[str, str]) -> None:
    assert expected in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please reset my password, it does not work",
        "Don't panic. Will it be ready by May? Mark it as done.",
        "How do I deploy Docker with Terraform?",
        "def get_user(name: str) -> User: return User.objects.first()",
        "IMPORTANT NOTICE: PLEASE READ CAREFULLY",
        "order no 48213 was shipped in 3 boxes",
        "write to anna.smith@mail.example or see https://smith.example/Anna/Berlin",
        "a\u0301" * 50,
    ],
)
def test_texts_without_names_hold_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("born on March 5, 1984.", "March 5, 1984"),
        ("am 3. Oktober 1990 war es", "3. Oktober 1990"),
        ("on 5 July, 2012 we met", "5 July, 2012"),
        ("due 2024-11-03", "2024-11-03"),
        ("at 2024-11-03 10:15:00 it failed", "2024-11-03 10:15:00"),
        ("signed 12/31/1999 here", "12/31/1999"),
        ("in June 2011", "June 2011"),
        ("the war ended in 1648.", "1648"),
        ("founded in 2004 by", "2004"),
        ("valid until 05-Jan-2030", "05-Jan-2030"),
        ("the card expires 09/29, thank you", "09/29"),
    ],
)
def test_dates_are_found_in_digits_and_words(text: str, date: str) -> None:
    assert found(text, "date") == [("date", date)]


@pytest.mark.parametrize(
    "text", ["room 2004", "10.20.30.40", "1990 dollars", "12/99", "version 3.11.2", "may we", "12"]
)
def test_other_numbers_are_no_dates(text: str) -> None:
    assert found(text, "date") == []


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("a 35-year-old man", "35"),
        ("she is 62 years old", "62"),
        ("aged 71", "71"),
        ("he just turned 40 and", "40"),
        ("I'm 19.", "19"),
        ("when she was 12, they moved", "12"),
        ("ich bin 33 Jahre alt", "33"),
    ],
)
def test_ages_are_found_beside_words_that_say_so(text: str, age: str) -> None:
    assert found(text, "age") == [("age", age)]


@pytest.mark.parametrize("text", ["I'm 30 minutes away", "aged 12.5", "he is 1,200 strong", "45"])
def test_other_numbers_are_no_ages(text: str) -> None:
    assert found(text, "age") == []


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("ask Dr. Weber", "Dr."),
        ("mrs. weber is here", "mrs."),
        ("Professor Lindqvist said", "Professor"),
        ("Ida Berg\nHead nurse\nWard 4", "Head nurse"),
        ("civil engineer", "civil engineer"),
    ],
)
def test_titles_and_jobs_are_found(text: str, title: str) -> None:
    assert ("title", title) in found(text, "title")


@pytest.mark.parametrize(
    "text",
    [
        "Dear Sir or madam",
        "miss you",
        "the nurse came at 5, and left",
        "x" * 80 + " nurse",
        "Mr",
        "Mr" * 9,
        "nurse and " * 12,
        "i need a nurse",
    ],
)
def test_other_words_are_no_titles(text: str) -> None:
    assert found(text, "title") == []


def test_nationalities_are_found_with_their_first_words() -> None:
    assert found("a South African and a Norwegian friend", "nrp") == [
        ("nrp", "South African"),
        ("nrp", "Norwegian"),
    ]


def test_a_nation_in_a_name_is_part_of_it() -> None:
    assert found("call Christian Oldenburg", "nrp") == []


def test_a_nationality_is_no_place() -> None:
    assert found("the nice new Portuguese place", "location", "nrp") == [("nrp", "Portuguese")]


def test_only_what_is_wanted_is_told() -> None:
    text = "Anna Kowalski lives in Berlin"
    assert found(text, "location") == [("location", "Berlin")]
    assert tagger.find(text, frozenset({"pii.email"})) == []


def test_scores_are_shares_and_places_are_in_order() -> None:
    text = "Anna Kowalski of Acme Ltd lives in Berlin, aged 30, since March 2019."
    findings = tagger.find(text, ALL)
    assert len(findings) > 3
    assert all(0 < score <= 1 for *_, score in findings)
    assert all(one[1] <= other[1] for one, other in pairwise(findings))


def test_warming_up_changes_nothing() -> None:
    tagger.warm()
    assert found("I grew up in Rotterdam") == [("location", "Rotterdam")]


@given(texts, st.integers(0, 600), st.integers(0, 600))
@settings(max_examples=150, deadline=None)
def test_a_window_says_the_same_as_the_whole_text(text: str, first: int, off: int) -> None:
    last = max(first, len(text) - off)
    inside = (first + NEAR if first else 0), (last - NEAR if off else len(text))

    def within(findings: list[tuple[str, int, int, float]], shift: int) -> list[tuple[object, ...]]:
        moved = [(name, start + shift, end + shift, score) for name, start, end, score in findings]
        return [one for one in moved if inside[0] <= one[1] and one[2] <= inside[1]]

    assert within(tagger.find(text, ALL), 0) == within(tagger.find(text[first:last], ALL), first)


@given(texts, texts)
@settings(max_examples=200, deadline=None)
def test_what_is_settled_stays_whatever_follows(text: str, more: str) -> None:
    place = tagger.settled(text)
    assert max(0, len(text) - NEAR) <= place <= len(text)
    before = [one for one in tagger.find(text, ALL) if one[1] < place]
    after = [one for one in tagger.find(text + more, ALL) if one[1] < place]
    assert before == after
    assert all(end <= place for _, _, end, _ in before)


def test_running_text_is_settled_up_to_its_last_words() -> None:
    text = "this is how it goes when nobody is named at all, and it goes on and on like that"
    assert len(text) - tagger.settled(text) < 12


@pytest.mark.parametrize("joint", [" ", ", "])
def test_of_a_long_chain_only_the_last_part_is_not_settled(joint: str) -> None:
    text = joint.join(["Anna Kowalski"] * 40)
    assert len(text) - NEAR <= tagger.settled(text) < len(text) - 12


def test_a_line_that_may_be_a_job_is_not_settled() -> None:
    text = "so much is said and done here today by everyone\n"
    assert tagger.settled(text + "head of") <= len(text)


@given(st.text(alphabet=st.characters(), max_size=200))
@settings(max_examples=300)
def test_no_text_raises(text: str) -> None:
    assert all(0 <= start < end <= len(text) for _, start, end, _ in tagger.find(text, ALL))
    assert 0 <= tagger.settled(text) <= len(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["Anna Smith ", "A", "Smith, 12 Street\n", "u0301\u0301", "5 5 5 "]
)
def test_a_megabyte_of_anything_is_read(part: str) -> None:
    text = part * (1_048_576 // len(part))
    assert tagger.find(text, ALL) == tagger.find(text, ALL)
    assert len(text) - tagger.settled(text) <= NEAR


def test_a_long_chain_of_names_is_read_between_its_commas() -> None:
    text = ", ".join(["Anna Kowalski", "Peter Neumann", "Maria Olsen"] * 8)
    assert len(found(text, "person")) == 24


def test_a_long_chain_without_commas_holds_no_name() -> None:
    assert find_runs(read_pieces("Anna Kowalski " * 40, load_model())) == []


def test_what_is_found_does_not_depend_on_what_else_is_wanted() -> None:
    text = "Dr. Anna Kowalski, aged 30, a Norwegian of Acme Ltd in Berlin, since March 2019"
    every = tagger.find(text, ALL)
    for one in ALL:
        assert tagger.find(text, frozenset({one})) == [each for each in every if each[0] == one]


def test_signs_around_a_name_are_no_part_of_it() -> None:
    pieces = read_pieces("(Anna Smith), -", load_model())
    assert tagger.trimmed(pieces, 0, 6) == (1, 3)
    start, end = tagger.trimmed(pieces, 3, 6)
    assert start == end


def test_persons_with_only_a_space_between_them_are_one() -> None:
    pieces = read_pieces("Anna Smith, Peter", load_model())
    anna, smith, peter = (Name("person", at, at + 1, 0.9) for at in (0, 1, 3))
    assert tagger.joined(pieces, [anna, smith, peter]) == [Name("person", 0, 2, 0.9), peter]
    place = Name("location", 1, 2, 0.9)
    assert tagger.joined(pieces, [anna, place]) == [anna, place]


def test_few_long_words_are_not_settled_at_once() -> None:
    text = "we met " + " ".join(["Abcdefghijklmnopqrstuvwx"] * 6)
    assert tagger.settled(text) == len("we met ")


def test_memory_is_bounded_and_changes_nothing() -> None:
    text = "Anna Kowalski lives at 12 Main Street in Springfield, she says: " + "x" * 99 + " so"
    lists = load_model().lists
    weights = bytes(at * 7 % 251 for at in range(tagger_model.ROWS * 9))
    steps = tuple((0,) * len(LABELS) for _ in range(len(LABELS) + 1))
    small, large = (Model(weights, steps, lists, most=most) for most in (3, 1000))
    for _ in range(3):
        assert tagger.find_with(small, text, ALL) == tagger.find_with(large, text, ALL) != []
    assert len(small.said) <= 3 >= len(small.chunks)
    assert 3 < len(large.said) <= len(text.split()) + 4


def test_long_words_are_not_remembered() -> None:
    model = load_model()
    text = "so " + "long" * 20 + " so"
    assert tagger.find(text, ALL) == []
    assert "so" in model.chunks
    assert not any(len(chunk) > tagger_model.SHORT for chunk in model.chunks)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see https://anna.example/Anna for Anna Kowalski", ["Anna Kowalski"]),
        ("Anna,anna.smith@mail.example and Peter Neumann", ["Anna", "Peter Neumann"]),
        ("WWW.EXAMPLE.COM/Anna is by a@b.example and Anna", ["Anna"]),
        ("Anna Kowalski <anna.kowalski@mail.example>", ["Anna Kowalski"]),
        ("Anna,Peter and a@b.example", ["Anna", "Peter"]),
    ],
)
def test_names_in_addresses_are_none_and_those_beside_them_are(text: str, names: list[str]) -> None:
    assert [
        text[start:end] for _, start, end, _ in tagger.find(text, frozenset({"pii.person"}))
    ] == names
