from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.service.plain import read_plain
from engine.service.reviewers import (
    LONGEST,
    MISSING,
    MOST_SCOPES,
    Grant,
    Reviewer,
    Reviewers,
    ReviewersError,
    Unknown,
    hash_of,
    new_token,
)
from tests.service.roll import ROLL, write_roll

MANY = [f"x{number:02}" for number in range(MOST_SCOPES + 1)]


def read(path: Path, told: list[str] | None = None) -> Reviewers:
    return Reviewers(path, ([] if told is None else told).append, lambda: 0)


def rewrite(path: Path, text: str) -> None:
    """Put *text* in the place of the file, as editors do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105


def test_a_token_says_who_comes_and_what_they_may(tmp_path: Path) -> None:
    reviewers = read(write_roll(tmp_path))
    ann, bob, cid = (reviewers.who(f"{name}'s") for name in ("ann", "bob", "cid"))
    assert (ann.name, ann.aliases) == ("ann", ("u1",))
    assert ann.may("full", "any", "any")
    assert bob.may("approve", "money", "north")
    assert not bob.may("edit", "money", "north")
    assert not bob.sees("money", "south")
    assert not bob.sees("people", "north")
    assert cid.sees("money", "south")
    assert not cid.may("approve", "money", "south")


@pytest.mark.parametrize(
    ("grants", "held"),
    [
        ([], ()),
        ([(["a"], [])], ()),
        ([(["*"], ["*"]), (["a"], ["n"])], (("", ""),)),
        ([(["b", "a"], ["n"]), (["a"], ["*"])], (("a", ""), ("b", "n"))),
        ([(["*"], ["n"]), (["a"], ["n", "s"])], (("", "n"), ("a", "s"))),
        ([(["a", "b"], MANY)], (("a", ""), ("b", ""))),
        ([(MANY, ["n", "*"])], (("", ""),)),
        ([(MANY, ["n", "s"])], (("", "n"), ("", "s"))),
        ([(MANY, MANY)], (("", ""),)),
    ],
)
def test_what_a_reviewer_sees_is_told_in_few_scopes(
    grants: list[tuple[list[str], list[str]]], held: tuple[tuple[str, str], ...]
) -> None:
    made = tuple(Grant(queues=tuple(queues), tenants=tuple(some)) for queues, some in grants)
    assert Reviewer(name="ann", grants=made).scopes() == held


def test_a_reviewer_may_have_two_tokens_while_one_is_changed(tmp_path: Path) -> None:
    reviewers = read(write_roll(tmp_path))
    assert reviewers.who("bob's new") == reviewers.who("bob's")


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        ("", "is needed"),
        ("x" * (LONGEST + 1), "too long"),
        ("a.b.c", "no reviewer's"),
        ("\udc80", "no"),
    ],
)
def test_who_has_no_token_of_the_file_is_nobody(tmp_path: Path, credential: str, why: str) -> None:
    with pytest.raises(Unknown, match=why) as caught:
        read(write_roll(tmp_path)).who(credential)
    assert credential == "" or credential not in str(caught.value)


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    path = write_roll(tmp_path)
    reviewers = read(path, told)
    for number, broken in enumerate(("[[reviewer]]\nname = ", "x = " + "[" * 100_000)):
        rewrite(path, broken)
        for _ in range(3):
            assert reviewers.who("ann's").name == "ann"
        assert len(told) == number + 1
        assert "reviewers.toml" in told[number]
    rewrite(path, ROLL.replace('"ann"', '"amy"'))
    assert reviewers.who("ann's").name == "amy"
    path.unlink()
    assert reviewers.who("ann's").name == "amy"
    assert "cannot read" in told[2]
    rewrite(path, "")
    with pytest.raises(Unknown):
        reviewers.who("ann's")


def test_what_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_roll(tmp_path)

    def overtaken(file: Path, most: int) -> bytes:
        data = read_plain(file, most)
        rewrite(path, ROLL.replace(hash_of("ann's"), hash_of("ann's new")))
        return data

    with monkeypatch.context() as patch:
        patch.setattr("engine.service.reviewers.read_plain", overtaken)
        reviewers = read(path)
    with pytest.raises(Unknown):
        reviewers.who("ann's")
    assert reviewers.who("ann's new").name == "ann"


def test_a_file_is_taken_once_not_everybody_may_write_it_any_more(tmp_path: Path) -> None:
    told: list[str] = []
    path = write_roll(tmp_path)
    reviewers = read(path, told)
    path.write_text(ROLL.replace('"ann"', '"amy"'))
    path.chmod(0o666)
    assert reviewers.who("ann's").name == "ann"
    assert f"chmod o-w {path}" in told[0]
    path.chmod(0o600)
    assert reviewers.who("ann's").name == "amy"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = [", "reviewers.toml: "),
        ("x = 1", "unknown field `x`"),
        (f"x = {'[' * 100_000}", "reviewers.toml: "),
        (f"x = {'9' * 5000}", "reviewers.toml: "),
        (ROLL.replace('tenants = ["north"]', ""), "missing required field `tenants`"),
        (ROLL.replace('"full"]', '"all"]'), "all"),
        (ROLL.replace("sha256:", "md5:"), "sha256"),
        (ROLL.replace(hash_of("bob's new"), hash_of("ann's")), "the same token"),
        (ROLL.replace('"bob"', '" "'), "a reviewer has a name"),
        ('[[claims]]\nclaim = "g"\nvalue = "v"\nqueues = ["*"]\ntenants = ["*"]', "needs `[oidc]`"),
    ],
)
def test_a_file_that_is_wrong_at_the_start_stops_it(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ReviewersError) as caught:
        read(write_roll(tmp_path, text))
    assert why in str(caught.value)


def test_a_file_that_everybody_may_write_is_not_taken(tmp_path: Path) -> None:
    path = write_roll(tmp_path)
    path.chmod(0o666)
    with pytest.raises(ReviewersError, match="chmod o-w"):
        read(path)


def test_nobody_waits_for_a_pipe_in_the_place_of_the_file(tmp_path: Path) -> None:
    told: list[str] = []
    path = write_roll(tmp_path)
    reviewers = read(path, told)
    path.unlink()
    os.mkfifo(path)
    assert reviewers.who("ann's").name == "ann"
    assert told == [f"cannot read the reviewers in {path}: it is no regular file"]


def test_what_a_file_keeps_of_a_token_does_not_give_it_away(tmp_path: Path) -> None:
    token = new_token()
    assert len(token) > 40
    assert token != new_token()
    text = ROLL.replace(hash_of("ann's"), hash_of(token))
    path = write_roll(tmp_path, text)
    assert token not in path.read_text()
    assert read(path).who(token).name == "ann"


def test_a_review_is_handed_over_to_those_who_may_answer_it(tmp_path: Path) -> None:
    reviewers = read(write_roll(tmp_path))
    assert reviewers.takes("bob", "money", "north")
    assert not reviewers.takes("bob", "money", "south")
    assert not reviewers.takes("cid", "money", "north")
    assert not reviewers.takes("nobody", "money", "north")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_name: str) -> object:
        raise ImportError

    monkeypatch.setattr("importlib.import_module", away)
    text = '[oidc]\nissuer = "i"\naudience = "a"\nkeys = "k"\nalgorithms = ["RS256"]\n'
    with pytest.raises(ReviewersError) as caught:
        read(write_roll(tmp_path, text))
    assert MISSING in str(caught.value)
