from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runtime.decision import Decision
from tests.daemon.running import ROOT, Running, daemon, decide
from tests.daemon.test_serve import until
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow


def reviews(folder: Path, *arguments: str) -> str:
    """Return what ``engine reviews`` prints in *folder*."""
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "engine", "reviews", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    return done.stdout


def recorded(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "data" / "decisions.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["kind"] == "review"]


def answer_of(folder: Path, running: Running, addresses: list[str]) -> Decision:
    """Ask one worker, let a person approve, and return what the other worker decides then."""
    first = decide(addresses[0], "doubt")
    assert first.escalation is not None
    listed = json.loads(reviews(folder, "list", "--json"))["reviews"]
    assert [one["review_id"] for one in listed] == [first.escalation.review_id]
    assert decide(addresses[-1], "doubt").escalation == first.escalation
    reviews(folder, "approve", first.escalation.review_id[:8], "--as", "bob")
    until(lambda: [one["act"] for one in recorded(folder)] == ["opened", "approved"])
    assert running.process.poll() is None
    return decide(addresses[-1], "doubt")


def test_what_a_person_edits_past_a_rule_does_not_pass_and_that_is_recorded(
    tmp_path: Path,
) -> None:
    write_folder(tmp_path / "policies")
    socket = f"unix://{tmp_path}/s"
    options = ("--listen=127.0.0.1:0", "--metrics=", f"--socket={tmp_path}/s")
    card, mail = "pay with 4111 1111 1111 1111", "write to a@b.example"
    with daemon(tmp_path, *options) as running:
        for content, edit in (("doubt", card), ("more doubt", mail)):
            first = decide(socket, content)
            assert first.escalation is not None
            found = first.escalation.review_id[:8]
            reviews(tmp_path, "edit", found, "--content", edit, "--as", "bob")
        denied, redacted = decide(socket, "doubt"), decide(socket, "more doubt")
        assert (denied.effective_action, denied.content) == ("deny", None)
        assert denied.reasons[0].message == "card numbers stay out"
        assert (redacted.effective_action, redacted.content) == ("redact", "write to [EMAIL]")
        until(lambda: [one["act"] for one in recorded(tmp_path)].count("refused") == 1)
        assert denied.escalation is not None
        shown = reviews(tmp_path, "show", denied.escalation.review_id[:8])
        assert "deny by `chat.no_cards`" in shown
        assert running.stop() == 0
    lines = (tmp_path / "data" / "decisions.jsonl").read_text()
    assert "4111" not in lines
    [kept] = [
        one
        for one in map(json.loads, lines.splitlines())
        if one.get("decision_id") == denied.decision_id
    ]
    assert (kept["effective_action"], kept["review"]) == ("deny", "edited")
    assert [one["rule"] for one in kept["reasons"]] == ["chat.no_cards", "chat.doubtful"]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_person_approves_passes_in_every_worker_and_is_recorded(
    tmp_path: Path, workers: int
) -> None:
    write_folder(tmp_path / "policies")
    socket = f"{tmp_path}/s"
    options = (f"--workers={workers}", "--listen=127.0.0.1:0", "--metrics=", f"--socket={socket}")
    with daemon(tmp_path, *options) as running:
        addresses = [f"unix://{socket}", f"unix://{socket}.1"][:workers]
        made = answer_of(tmp_path, running, addresses)
        assert made.effective_action == "allow"
        assert made.escalation is not None
        assert made.escalation.state == "approved"
        assert running.stop() == 0
    assert [one["who"] for one in recorded(tmp_path) if one["act"] == "approved"] == ["bob"]
