from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.pseudonyms import (
    DIGITS,
    MOST_SEALED,
    MOST_SEALED_BYTES,
    Pseudonym,
    digits_of,
    find_digits,
    restore,
    restore_value,
    tagger,
    token_tagger,
    vault_of,
)

KEY = b"a key"
MAIL = Pseudonym("EMAIL", "ann@example.org")
KNOWN = {"7f3a2c1b": MAIL, "00c0ffee": Pseudonym("NATIONAL_ID", "12-345")}


def digits(key: bytes, scope: str, entity: str, value: str, *, number: bool = False) -> str:
    return digits_of(token_tagger(key, scope, entity, number=number)(value))


def test_digits_depend_on_every_part_and_not_on_their_seams() -> None:
    parts = {("s", "pii.email", "v"), ("t", "pii.email", "v"), ("s", "pii.phone", "v"),
             ("s", "pii.email", "w"), ("sp", "ii.email", "v")}  # fmt: skip
    made = {digits(KEY, *one) for one in parts} | {digits(b"other", "s", "pii.email", "v")}
    assert len(made) == len(parts) + 1
    assert {len(one) for one in made} == {DIGITS}
    with pytest.raises(ValueError, match="need a key"):
        digits(b"", "s", "pii.email", "v")


def test_a_value_opens_only_in_its_own_place_and_with_its_own_key() -> None:
    vault = vault_of(KEY)
    sealed = vault.seal("scope", "7f3a2c1b", MAIL)
    assert b"ann" not in sealed
    assert vault.seal("scope", "7f3a2c1b", MAIL) == sealed
    assert vault.open("scope", "7f3a2c1b", sealed) == MAIL
    assert vault.open("elsewhere", "7f3a2c1b", sealed) is None
    assert vault.open("scope", "7f3a2c1c", sealed) is None
    assert vault_of(b"another").open("scope", "7f3a2c1b", sealed) is None
    assert vault.open("scope", "7f3a2c1b", b"") is None
    assert vault.open("scope", "7f3a2c1b", sealed[:-1] + b"?") is None


def test_a_tag_is_hmac_of_the_parts_with_their_lengths() -> None:
    for key in (KEY, b"k" * 64, b"long" * 40):
        for parts in (("a",), ("scope", "pii.email", "ann@\udc80example.org"), ("", "", "")):
            coded = [part.encode("utf-8", "surrogatepass") for part in parts]
            message = b"".join(len(part).to_bytes(8, "big") + part for part in coded)
            *first, last = parts
            tag = tagger(key, *first)
            assert tag(last) == tag(last) == hmac.new(key, message, "sha256").digest()
            assert digits_of(tag(last)) == tag(last).hex()[:DIGITS]


def test_the_digits_of_a_value_stay_what_they_are_from_release_to_release() -> None:
    assert digits(KEY, "5:north2:s1", "pii.email", "ann@example.org") == "1b1e831f"
    assert digits(KEY, "5:north2:s1", "pii.card", "4111", number=True) == "3ff4265e"


def test_what_was_sealed_before_is_what_would_be_sealed_and_holds_no_value() -> None:
    vault = vault_of(b"a key of its own")
    tag = token_tagger(KEY, "scope", "pii.email")(MAIL.value)
    said = digits_of(tag)
    for _ in range(2):
        assert vault.seal_all("scope", {tag: MAIL}) == [(said, vault.seal("scope", said, MAIL))]
    assert list(vault.sealed) == [tag]
    assert "ann" not in str(vault.sealed)
    assert "sealed" not in repr(vault)


def test_of_what_was_sealed_little_is_kept() -> None:
    vault = vault_of(b"another key of its own")
    long = Pseudonym("EMAIL", "x" * MOST_SEALED_BYTES)
    tags = [number.to_bytes(32, "big") for number in range(MOST_SEALED + 1)]
    first = digits_of(tags[0])
    assert vault.seal_all("s", {tags[0]: long}) == [(first, vault.seal("s", first, long))]
    assert vault.sealed == {}
    vault.seal_all("s", dict.fromkeys(tags, MAIL))
    assert list(vault.sealed) == tags[-1:]


def test_a_number_comes_back_as_a_number_and_only_where_it_is_the_whole_value() -> None:
    said = digits(KEY, "s", "pii.card", "4111", number=True)
    assert said != digits(KEY, "s", "pii.card", "4111")
    vault, made = vault_of(KEY), Pseudonym("CARD", "4111", number=True)
    assert vault.open("s", said, vault.seal("s", said, made)) == made
    known = {said: made, "7f3a2c1b": MAIL}
    for written in (f"[CARD_{said}]", f"card {said.upper()}", rf"\[CARD\_{said} \]"):
        assert restore_value(written, known) == (4111, 1)
        assert restore(written, known) == ("4111", 1)
    assert restore_value(f"no. [CARD_{said}]", known) == ("no. 4111", 1)
    assert restore_value(f"[CARD_{said}][CARD_{said}]", known) == ("41114111", 2)
    assert restore_value(f"[CARD_{said} x_7f3a2c1b]", known) == ("4111 x_7f3a2c1b]", 1)
    assert restore_value("[EMAIL_7f3a2c1b]", known) == ("ann@example.org", 1)
    assert restore_value("nothing", known) == ("nothing", 0)


@pytest.mark.parametrize(
    "written",
    [
        "[EMAIL_7f3a2c1b]",
        "[email_7F3A2C1B]",
        "[ Email 7f3a2c1b ]",
        "EMAIL_7f3a2c1b",
        "EMAIL-7f3a2c1b",
        "email: 7f3a2c1b",
        r"\[EMAIL\_7f3a2c1b\]",
        "[EMAIL\n7f3a2c1b]",
    ],
)
def test_however_a_model_writes_it(written: str) -> None:
    restored, count = restore(f"to {written}, now", KNOWN)
    assert count == 1
    assert restored == "to ann@example.org, now"
    assert find_digits(f"to {written}, now") == {"7f3a2c1b"}


def test_kinds_of_several_words_and_several_placeholders() -> None:
    text = "[NATIONAL_ID_00c0ffee] and National ID 00C0FFEE, [EMAIL_7f3a2c1b][EMAIL_7f3a2c1b]"
    assert restore(text, KNOWN) == ("12-345 and 12-345, ann@example.organn@example.org", 4)
    assert find_digits(text) == {"00c0ffee", "7f3a2c1b"}


@pytest.mark.parametrize(
    "text",
    [
        "7f3a2c1b",
        "PHONE_7f3a2c1b",
        "XEMAIL_7f3a2c1b",
        "EMAIL_7f3a2c1bc",
        "EMAIL_7f3a2c1b_",
        "EMAIL_7f3a2c1",
        "EMAIL7f3a2c1b",
        "EMAIL and then 7f3a2c1b",
    ],
)
def test_what_is_no_placeholder_stays(text: str) -> None:
    assert restore(text, KNOWN) == (text, 0)


def test_a_bracket_that_was_not_opened_stays() -> None:
    assert restore("(see EMAIL_7f3a2c1b] )", KNOWN) == ("(see ann@example.org] )", 1)


def test_nothing_known_changes_nothing() -> None:
    assert restore("[EMAIL_7f3a2c1b]", {}) == ("[EMAIL_7f3a2c1b]", 0)
    assert find_digits("") == frozenset()


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=30),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=30),
)
def test_what_stands_around_it_stays(before: str, after: str) -> None:
    text = f"{before} [EMAIL_7f3a2c1b] {after}"
    assert restore(text, {"7f3a2c1b": MAIL}) == (f"{before} ann@example.org {after}", 1)
