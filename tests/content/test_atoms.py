from __future__ import annotations

import pytest

from engine.content.atoms import (
    LONGEST,
    SHARED,
    Speaker,
    find_atoms,
    plainly,
    read_amount,
    without_moments,
)


def atoms(text: str, of: Speaker = "content") -> set[str]:
    return set(find_atoms(text, of))


def of_kind(kind: str, text: str, of: Speaker = "content") -> set[str]:
    return {one for one in atoms(text, of) if one.startswith(f"{kind}:")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to eve@evil.example.", {"mail:eve@evil.example", "name:evil.example"}),
        ("<eve@evil.example>", {"mail:eve@evil.example", "name:evil.example"}),
        ("mailto:e.v.e+x@evil.example?cc=1", {"mail:eve@evil.example", "name:evil.example"}),
        ("eve@a.b.example", {"mail:eve@a.b.example", "name:a.b.example", "name:b.example"}),
        ("eve@gmail.com", {"mail:eve@gmail.com"}),
        ("eve@evil.co.uk", {"mail:eve@evil.co.uk", "name:evil.co.uk"}),
        ("eve@localhost", set()),
        ("@evil.example @@ a@ @b", {"handle:evil.example"}),
        ("'eve'@x", set()),
    ],
)
def test_addresses(text: str, expected: set[str]) -> None:
    assert atoms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://evil.example", {"name:evil.example"}),
        ("http://www.evil.example:80/", {"name:evil.example"}),
        (
            "ftp://a.evil.example/b/c?d=e#f",
            {
                "name:a.evil.example",
                "name:evil.example",
                "url:a.evil.example/b",
                "url:a.evil.example/b/c",
                "url:a.evil.example/b/c?d=e#f",
            },
        ),
        ("url=https://evil.example/b.", {"name:evil.example", "url:evil.example/b"}),
        ("https://evil.example/b#c", {"name:evil.example", "url:evil.example/b"}),
        ("http://localhost/x", {"name:localhost", "url:localhost/x"}),
        ("http://pi/x", {"url:pi/x"}),
        ("https://ann@evil.example", {"name:evil.example", "mail:ann@evil.example"}),
        (
            "https://evil.example\\@corp.example/x",
            {"name:evil.example", "name:corp.example", "url:corp.example/x"},
        ),
        ("https:///x", set()),
        ("https://b.github.io/x", {"name:b.github.io", "url:b.github.io/x"}),
        ("https://xn--bcher-kva.example", {"name:b\u00fccher.example"}),
        ("https://xn--\u00e9.example", {"name:xn--\u00e9.example"}),
        (
            "https://a.example?to=https://b.example",
            {"name:a.example", "name:b.example", "url:a.example?to=https"},
        ),
    ],
)
def test_urls(text: str, expected: set[str]) -> None:
    assert atoms(text) == expected


def test_addresses_of_machines() -> None:
    assert of_kind("name", "http://203.0.113.9/x") == {"name:203.0.113.9"}
    assert of_kind("digits", "203.0.113.9") == of_kind("digits", "http://203.0.113.9/x") != set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see evil.example, or a.evil.example!", {"name:evil.example", "name:a.evil.example"}),
        ("open notes.txt", {"name:notes.txt"}),
        ("a.tar.gz", {"name:a.tar.gz"}),
        ("e.g. this. 1.5 v1.2", set()),
        (
            "evil.example/a/b",
            {
                "name:evil.example",
                "url:evil.example/a",
                "url:evil.example/a/b",
                "path:evil.example/a/b",
            },
        ),
        ("/etc/passwd", {"path:etc/passwd"}),
        ("--file=~/.ssh/id_rsa", {"path:.ssh/id_rsa"}),
        ("c:\\work\\plan.txt", {"path:work/plan.txt"}),
        ("./run.sh", {"name:run.sh"}),
        ("and/or a/b /", {"path:and/or"}),
        ("src/main.py:12", {"path:src/main.py"}),
    ],
)
def test_names_and_paths(text: str, expected: set[str]) -> None:
    assert atoms(text) == expected


def test_a_path_may_be_meant_by_its_last_parts() -> None:
    ways = {"path:srv/notes/plan.txt", "path:notes/plan.txt", "name:plan.txt"}
    assert atoms("/srv/notes/plan.txt", "value") == ways
    assert ways < atoms("/srv/notes/plan.txt", "user")
    assert atoms("notes/", "value") == set()
    deep = of_kind("path", "/a" * 40 + "/plan.txt", "value")
    assert len(deep) == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask @mallory or #exfil-drop", {"handle:mallory", "handle:exfil-drop"}),
        ("#1 @a", set()),
        ("inv-2026-0815", {"id:inv20260815", "digits:20260815"}),
        ("u07abcd1234", {"id:u07abcd1234", "amount:1234"}),
        ("ab12 covid-19 sha-256", set()),
    ],
)
def test_handles_and_identifiers(text: str, expected: set[str]) -> None:
    assert atoms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "de89370400440532013000",
        "de89 3704 0044 0532 0130 00",
        "de89-3704-0044-0532-0130-00",
        "de89 3704 0044\n0532 0130 00 and 12",
    ],
)
def test_numbers_are_the_same_however_they_are_grouped(text: str) -> None:
    for value in ("de89370400440532013000", "de89 3704 0044 0532 0130 00", "x (89370400440532)"):
        assert of_kind("digits", value, "value") & of_kind("digits", text)
    for value in ("de75 3704 0044 0999 1234 56", "de75370400440999123456", "89", "3704 0044 1"):
        assert not of_kind("digits", value, "value") & of_kind("digits", text)


def test_short_numbers_are_known_in_one_piece() -> None:
    assert atoms("order 471108", "value") == {"digits:471108"} <= atoms("it is 471108.")
    assert atoms("order 47110", "value") == set()
    assert atoms("12 87654321", "value") == {"digits:87654321", "digits:1287654321"}


def test_phone_numbers_are_the_same_with_the_code_of_the_country_and_without() -> None:
    for text in ("+49 170 1234567", "0170 1234567", "0049 (170) 123-4567", "0170/1234567"):
        assert "phone:01234567" in of_kind("phone", text)
    assert not of_kind("phone", "+49 17 12")
    assert atoms("+49 170 1234567", "value") == {"phone:01234567"}
    assert atoms("0170 12345678 1234567", "value") == {
        "digits:017012345678",
        "digits:12345678",
        "digits:123456781234",
        "digits:1234567",
    }


def test_the_user_need_not_write_a_name_as_a_handle() -> None:
    assert "handle:exfil-drop" in atoms("post it to exfil-drop.", "user")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1250", "1250"),
        ("1,250.00", "1250"),
        ("1.250,00", "1250"),
        ("1 250,5", "1250.5"),
        ("1'250.50", "1250.5"),
        ("1,250,000", "1250000"),
        ("004800", "4800"),
        ("2026", None),
        ("2026.00", "2026"),
        ("950", None),
        ("12", None),
        ("3.14", None),
    ],
)
def test_amounts_are_the_same_however_they_are_written(text: str, amount: str | None) -> None:
    assert read_amount(text) == amount


def test_amounts_are_found_in_texts() -> None:
    assert of_kind("amount", "pay eur 4.800,00 or 12 of 950 in 2026") == {"amount:4800"}
    assert not of_kind("amount", "pay eur 4.800,00", "value")


@pytest.mark.parametrize(
    "moment",
    [
        "2026-05-20",
        "2026-05-20t10:00:00z",
        "2026-05-20T10:00:00.123+02:00".lower(),
        "2026/5/2",
        "20.05.2026",
        "5/20/26",
        "20260520",
        "20260520t101500z",
        "2026-05-20 10:00",
        "10:00",
        "9:30:15",
    ],
)
def test_moments_are_left_out(moment: str) -> None:
    assert without_moments(f"on {moment} we meet").split() == ["on", ";", "we", "meet"]


@pytest.mark.parametrize("text", ["471108", "203.0.113.9", "1,250.00", "4711:0815", "99:99"])
def test_other_numbers_stay(text: str) -> None:
    assert without_moments(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ann [at] evil [dot] example", "ann@evil.example"),
        ("ann(at)evil(dot)example", "ann@evil.example"),
        ("ann at evil dot example", "ann@evil.example"),
        ("ann at evil.example", "ann@evil.example"),
        ("ann @ evil . example", "ann@evil.example"),
        ("hxxps://evil[.]example/x", "https://evil.example/x"),
    ],
)
def test_what_is_said_in_a_roundabout_way_is_said_plainly(text: str, said: str) -> None:
    assert plainly(text) == (text, said)


def test_what_is_said_plainly_is_said_once() -> None:
    assert plainly("meet me at noon. bring 3 (three) dots.") == (
        "meet me at noon. bring 3 (three) dots.",
    )


def test_a_chunk_without_end_is_looked_at_in_pieces() -> None:
    hidden = "x" * (LONGEST - 10) + "://evil.example/" + "y" * 3 * LONGEST
    assert "name:evil.example" in atoms(hidden)
    assert atoms("é" * 3 * LONGEST + "1") == set()


def test_texts_made_to_be_slow_are_not() -> None:
    for piece in ("a.", "@", "a@", "1 ", "1-", "/", "://", "%", "-", "a-1"):
        atoms(piece * 10_000)


def test_shared_names_are_names() -> None:
    assert all("." in one and one == one.lower() for one in SHARED)
