from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.pseudonyms import (
    DIGITS,
    Pseudonym,
    digits_of,
    find_digits,
    keyed,
    restore,
    restore_value,
    vault_of,
)

KEY = b"a key"
MAIL = Pseudonym("EMAIL", "ann@example.org")
KNOWN = {"7f3a2c1b": MAIL, "00c0ffee": Pseudonym("NATIONAL_ID", "12-345")}


def test_digits_depend_on_every_part_and_not_on_their_seams() -> None:
    parts = {("s", "pii.email", "v"), ("t", "pii.email", "v"), ("s", "pii.phone", "v"),
             ("s", "pii.email", "w"), ("sp", "ii.email", "v")}  # fmt: skip
    made = {digits_of(KEY, *one) for one in parts} | {digits_of(b"other", "s", "pii.email", "v")}
    assert len(made) == len(parts) + 1
    assert {len(one) for one in made} == {DIGITS}
    with pytest.raises(ValueError, match="need a key"):
        digits_of(b"", "s", "pii.email", "v")


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


def test_keyed_is_hmac_of_the_parts_with_their_lengths() -> None:
    for key in (KEY, b"k" * 64, b"long" * 40):
        for parts in (("a",), ("scope", "pii.email", "ann@\udc80example.org"), ("", "", "")):
            coded = [part.encode("utf-8", "surrogatepass") for part in parts]
            message = b"".join(len(part).to_bytes(8, "big") + part for part in coded)
            assert keyed(key, *parts) == hmac.new(key, message, "sha256").hexdigest()


def test_a_number_comes_back_as_a_number_and_only_where_it_is_the_whole_value() -> None:
    digits = digits_of(KEY, "s", "pii.card", "4111", number=True)
    assert digits != digits_of(KEY, "s", "pii.card", "4111")
    vault, made = vault_of(KEY), Pseudonym("CARD", "4111", number=True)
    assert vault.open("s", digits, vault.seal("s", digits, made)) == made
    known = {digits: made, "7f3a2c1b": MAIL}
    for written in (f"[CARD_{digits}]", f"card {digits.upper()}", rf"\[CARD\_{digits} \]"):
        assert restore_value(written, known) == (4111, 1)
        assert restore(written, known) == ("4111", 1)
    assert restore_value(f"no. [CARD_{digits}]", known) == ("no. 4111", 1)
    assert restore_value(f"[CARD_{digits}][CARD_{digits}]", known) == ("41114111", 2)
    assert restore_value(f"[CARD_{digits} x_7f3a2c1b]", known) == ("4111 x_7f3a2c1b]", 1)
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
