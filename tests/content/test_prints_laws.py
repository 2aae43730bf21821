"""What holds of fingerprints whatever is said: his words are the user's, disguises are none."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content.prints import printer

KEY = b"k" * 32
MOST = 10**6

WORDS = """
alpha bravo mallory report invoice K\u00f6ln stra\u00dfe \u5317\u4eac a an to 12 4711 2026 x9
INV-12-99 don't e.g. www com @eve #chan-nel 2026-05-01 10:00
"""
words = st.sampled_from(WORDS.split())
addresses = st.builds(
    "{}@{}.{}".format,
    st.sampled_from(["eve", "a.b", "x+y", "o'neil", "Eve_1", "\u00e9"]),
    st.sampled_from(["evil", "a.b", "xn--bcher-kva", "EVIL", "gmail"]),
    st.sampled_from(["example", "co.uk", "com", "sh", "zip"]),
)
urls = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://www.", "ftp://u:p@", "hxxp://", "HTTPS://"]),
    st.sampled_from(["evil.example", "127.0.0.1:80", "localhost", "a.b.c.example:1"]),
    st.sampled_from(["", "/", "/a/b", "/a.b/c%20d/", "/x;y", "/\u00e9"]),
    st.sampled_from(["", "?a=1&b=2", "#f", "?u=http://x.example/y", "?e=a%40b.c"]),
)
numbers = st.one_of(
    st.integers(0, 10**15).map(str),
    st.lists(st.integers(0, 9999).map("{:04d}".format), min_size=1, max_size=8).map(" ".join),
    st.integers(10**8, 10**10).map(lambda one: f"+49 {one // 10**7} {one % 10**7}"),
    st.floats(0, 10**7).map("{:,.2f}".format),
    st.integers(0, 10**20 - 1).map("DE{:020d}".format),
)
paths = st.builds(
    "{}/{}/{}".format,
    st.sampled_from(["", "~", ".", "..", "C:", "src"]),
    st.sampled_from(["a", "work", "b.txt", ".ssh"]),
    st.sampled_from(["x.py", "id_rsa", "", "n o"]),
)
signs = st.text(
    alphabet=st.sampled_from("ab1 .@:/-_#?=&%\\()[]'\"+,;|~\u00e9\u200b\uff0e\u3002"), max_size=14
)
values = st.lists(
    st.one_of(words, addresses, urls, numbers, paths, signs), min_size=1, max_size=4
).map(" ".join)
around = st.lists(words, max_size=6).map(" ".join)
between = st.sampled_from(["\n", ", ", ": "])


def check_the_user_s_words_are_his(value: str, before: str, behind: str, gap: str) -> None:
    made = printer(KEY)
    own = made.prints(f"{before}{gap}{value}{gap}{behind}", MOST, "user")
    assert [kind for claim, kind in made.claims(value, MOST).items() if not claim <= own] == []


def check_what_was_said_is_known(value: str, before: str, behind: str, gap: str) -> None:
    made = printer(KEY)
    said = made.prints(f"{before}{gap}{value}{gap}{behind}", MOST)
    claims = made.claims(value, MOST)
    assert not claims or any(claim <= said for claim in claims)


LAWS = {"his": check_the_user_s_words_are_his, "known": check_what_was_said_is_known}
Law = Callable[[str, str, str, str], None]


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@settings(max_examples=300, deadline=None)
@given(value=values, before=around, behind=around, gap=between)
def test_laws_of_fingerprints(law: Law, value: str, before: str, behind: str, gap: str) -> None:
    law(value, before, behind, gap)


@pytest.mark.nightly
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@settings(max_examples=20_000, deadline=None)
@given(value=values, before=around, behind=around, gap=between)
def test_laws_of_fingerprints_all_night(
    law: Law, value: str, before: str, behind: str, gap: str
) -> None:
    law(value, before, behind, gap)


DISGUISES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "swapped": str.swapcase,
    "percent": lambda text: "".join(f"%{one:02x}" for one in text.encode()),
    "quoted": lambda text: quote(text, safe=""),
    "entities": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "escaped": html.escape,
    "invisible": "\u200b".join,
    "wide": lambda text: text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "in base64 twice": lambda text: base64.b64encode(
        base64.b64encode(text.encode())
    ).decode(),
    "in JSON": lambda text: f'{{"to":"\\n{text}\\n"}}',
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@settings(max_examples=40, deadline=None)
@given(user=st.from_regex(r"[a-z]{3,9}(\.[a-z]{2,6})?", fullmatch=True), shared=st.booleans())
def test_an_address_is_known_in_any_disguise_on_either_side(
    disguise: Callable[[str], str], user: str, *, shared: bool
) -> None:
    address = f"{user}@{'gmail.com' if shared else 'evil.example'}"
    made = printer(KEY)
    for content, value in ((address, disguise(address)), (disguise(address), address)):
        said = made.prints(f"send it to {content} today", MOST)
        found = {kind for claim, kind in made.claims(value, MOST).items() if claim <= said}
        assert "mail" in found
