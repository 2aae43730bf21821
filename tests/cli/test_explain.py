from __future__ import annotations

import json
from pathlib import Path

from tests.cli.calling import WHO, call, folder


def test_the_short_form_shows_what_decided_and_what_kept_the_others(tmp_path: Path) -> None:
    result = call("explain", folder(tmp_path), *WHO, "--content=forbidden")
    assert result.stdout.startswith(
        "deny\n"
        "  because desk.door.no_word: that word is not spoken here\n"
        "policy desk.door: deny\n"
        '  rule large: escalate, no match: stage == "tool_call" is false (stage is "request")\n'
    )
    assert '    when content contains "forbidden" is true' in result.stdout
    assert "would have been allow (desk.door.no_word) if" in result.stdout
    assert result.exit_code == 1


def test_all_shows_what_was_not_needed(tmp_path: Path) -> None:
    root = folder(tmp_path)
    short = call("explain", root, *WHO).stdout
    whole = call("explain", root, *WHO, "--all").stdout
    assert "not needed" not in short
    assert "    and (context.amount ?? 0) > 100 is not needed\n" in whole


def test_machines_get_json(tmp_path: Path) -> None:
    result = call("explain", folder(tmp_path), *WHO, "--json")
    made = json.loads(result.stdout)
    assert made["decision"]["action"] == "allow"
    assert made["policies"][0]["policy"] == "desk.door"
    assert made["misses"]
    assert result.exit_code == 0


def test_mocks_and_time_count_here_too(tmp_path: Path) -> None:
    text = 'policy p { default allow rule n { when hour(now, "UTC") < 6 then deny } }\n'
    root = folder(tmp_path, {"p.pol": text})
    result = call("explain", root, *WHO, "--at=2026-01-01T03:00:00Z")
    assert 'when hour(now, "UTC") < 6 is true (hour(now, "UTC") is 3)' in result.stdout


def test_bad_input_gets_a_sentence(tmp_path: Path) -> None:
    result = call("explain", folder(tmp_path), "-", given=b"\xff")
    assert result.stderr.startswith("engine: standard input is no JSON object")
    assert result.exit_code == 2
