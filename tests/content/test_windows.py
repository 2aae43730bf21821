from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content.entities import ENTITIES
from engine.content.findings import Finding
from engine.content.rules import builtin_rules
from engine.content.scan import build_scanner
from engine.content.windows import LONG, MARGIN, OVERLAP, WINDOW, scan_windows
from tests.content.made_texts import made_texts
from tests.content.reading import READERS

SCANNER = build_scanner((), {}, READERS)
ALL = frozenset(ENTITIES)
RULES = [rule for entity in ENTITIES.values() for rule in builtin_rules(entity)]


class Watched:
    """A scanner that notes how long the texts are."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        self.sizes.append(len(text))
        return SCANNER.scan(text, entities)


def windowed(text: str) -> tuple[tuple[Finding, ...], list[int]]:
    watched = Watched()
    return scan_windows(watched.scan, text, ALL), watched.sizes


def prose(size: int) -> str:
    return ("the plan was discussed at length and nobody objected to it. " * (size // 59 + 1))[
        :size
    ]


def test_a_short_text_is_scanned_whole() -> None:
    text = prose(LONG - 8) + " a@b.org"
    found, sizes = windowed(text[:LONG])
    assert sizes == [LONG]
    assert found == SCANNER.scan(text[:LONG], ALL)


@pytest.mark.parametrize("shift", range(-OVERLAP - 64, OVERLAP + 64, 173))
def test_a_finding_near_a_cut_is_found_once(shift: int) -> None:
    planted = " mail ann.lee@example.org ssn 536-90-4399 "
    text = prose(WINDOW + shift) + planted + prose(2 * WINDOW)
    found, sizes = windowed(text)
    assert [one.entity for one in found] == ["pii.email", "pii.ssn"]
    assert found == SCANNER.scan(text, ALL)
    assert max(sizes) < len(text) or abs(shift) > OVERLAP - 2 * MARGIN


@pytest.mark.parametrize("word", ["ebg13", "\uff45\uff42\uff47\uff11\uff13"])
def test_a_word_gives_rot13_away_however_far_behind_it(word: str) -> None:
    secret = "TO82 JRFG 1234 5698 7654 32"
    text = f"{word}: " + prose(2 * WINDOW) + f" {secret} " + prose(WINDOW)
    found, _ = windowed(text)
    assert [(one.entity, text[one.start : one.end]) for one in found] == [("pii.iban", secret)]


@pytest.mark.slow
def test_windows_find_what_one_scan_finds() -> None:
    for seed in (11, 12):
        text = "\n".join(made_texts(RULES, 250, seed))
        assert len(text) > LONG
        with ThreadPoolExecutor(2) as pool:
            assert scan_windows(SCANNER.scan, text, ALL, pool.map) == SCANNER.scan(text, ALL)


READ = frozenset({"pii.person", "pii.date"})
LINES = st.sampled_from(
    (
        "We met Ann Lee on 4 March. ",
        "Lee, of whom " + "and so on " * 25 + "he wrote, is Ann.\n",
        "dear " * 40 + "Zo\u00eb, ",
        "and so on " * 70 + "Ann wrote? ",
        "the plan was discussed at length and nobody objected to it.\n",
        "\u200b" * 300 + " ",
    )
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, min_size=20, max_size=60), st.integers(0, 2 * OVERLAP))
def test_law_windows_find_what_is_read_in_the_whole(lines: list[str], shift: int) -> None:
    text = "to be. " * ((WINDOW - OVERLAP - 2 * MARGIN + shift) // 7) + "".join(lines) * 3
    text += "and so on. " * max(0, (LONG - len(text)) // 11 + 1)
    assert scan_windows(SCANNER.scan, text, READ) == SCANNER.scan(text, READ)


def test_what_reaches_over_the_edges_is_found_in_one_scan() -> None:
    key = (
        "-----BEGIN PRIVATE KEY-----\n"
        + "MIIabcdefgh0123456789\n" * 800
        + "-----END PRIVATE KEY-----"
    )
    text = prose(WINDOW - 3000) + "\n" + key + "\n" + prose(2 * WINDOW)
    found, sizes = windowed(text)
    assert found == SCANNER.scan(text, ALL)
    assert sizes[-1] == len(text)


def test_a_text_without_spaces_is_scanned_whole() -> None:
    text = "ab.cd-" * (LONG // 4)
    assert windowed(text) == ((), [len(text)])
