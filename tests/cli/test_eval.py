from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import BROKEN, DOOR, WHO, call, folder

CLOCK = """\
classifier toxicity { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "deny" }
meter refusals counts rule p.night by user.id over 1h
policy p {
  default allow
  rule night { when hour(now, "UTC") < 6 then deny "come back in the morning" }
  rule toxic { when classifier.toxicity(content) > 0.5 then deny "toxic" }
  rule probing { when meter.refusals > 3 then deny "probing" }
  rule pace { then throttle 1 requests per 1m by user.id }
}
"""
DAY = "--at=2026-01-01T12:00:00Z"
CALM = "--mock=classifier.toxicity=0.1"


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    return folder(tmp_path, {"clock.pol": CLOCK})


@pytest.mark.parametrize(
    ("arguments", "action", "code"),
    [
        (("--content=hello",), "allow", 0),
        (("--content=write to ann@example.com", "--stage=response"), "redact", 0),
        (("--content=a forbidden word",), "deny", 1),
        (("--stage=tool_call", "--tool=pay", "--set=context.amount=900"), "escalate", 1),
    ],
)
def test_the_exit_code_says_whether_it_may_pass(
    tmp_path: Path, arguments: tuple[str, ...], action: str, code: int
) -> None:
    result = call("eval", folder(tmp_path), *WHO, *arguments)
    assert (result.stdout.split()[0], result.exit_code) == (action, code), result.output


def test_people_see_why(tmp_path: Path) -> None:
    result = call("eval", folder(tmp_path), *WHO, "--content=forbidden")
    assert "because    desk.door.no_word: that word is not spoken here\n" in result.stdout
    assert "severity high" in result.stdout


def test_machines_get_json(tmp_path: Path) -> None:
    result = call("eval", folder(tmp_path), *WHO, "--content=forbidden", "--json")
    made = json.loads(result.stdout)
    assert (made["effective_action"], made["decision_id"]) == ("deny", "eval")


def test_a_file_or_standard_input_is_the_request_and_flags_outrank_it(tmp_path: Path) -> None:
    root = folder(tmp_path / "p")
    request = {
        "tenant": {"id": "north"},
        "user": {"id": "u1"},
        "messages": [{"role": "user", "text": "forbidden"}],
    }
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    assert call("eval", root, file).exit_code == 1
    assert call("eval", root, "-", given=file.read_text()).exit_code == 1
    assert call("eval", root, file, "--content=hello").exit_code == 0
    assert call("eval", root, *WHO, "--content=-", given="forbidden").exit_code == 1
    assert call("eval", root / "door.pol", file).exit_code == 1


def test_a_file_of_the_bundle_stands_for_its_folder(tmp_path: Path) -> None:
    root = folder(tmp_path)
    assert call("eval", root / "door.pol", *WHO, "--content=forbidden").exit_code == 1


def test_time_is_an_option(clock: Path) -> None:
    assert call("eval", clock, *WHO, DAY, CALM).exit_code == 0
    assert call("eval", clock, *WHO, "--at=2026-01-01T03:00", CALM).exit_code == 1
    assert call("eval", clock, *WHO, "--at=2026-01-01T07:00+02:00", CALM).exit_code == 1


def test_classifiers_and_meters_can_be_mocked(clock: Path) -> None:
    asked = ("eval", clock, *WHO, "--content=hello", DAY)
    assert "could not be known: classifier.toxicity" in call(*asked).stdout
    assert "p.toxic: toxic" in call(*asked, "--mock=classifier.toxicity=0.9").stdout
    assert "p.probing: probing" in call(*asked, CALM, "--mock=meter.refusals=4").stdout


MAIL = """\
policy mail {
  default allow
  rule read { when stage == "tool_result" then deny label session "untrusted" from tool_result }
  rule to { when stage == "tool_call" and arg("to") tainted then deny "from a document" }
}
"""
CALL = (*WHO, "--stage=tool_call", "--tool=mail", "--set=tool.args.to=kim@example.com")


def test_arguments_can_be_mocked_as_tainted(tmp_path: Path) -> None:
    asked = ("eval", folder(tmp_path, {"mail.pol": MAIL}), *CALL)
    assert "mail.to: from a document" in call(*asked, "--mock=tainted.to=1").stdout
    assert call(*asked, "--mock=tainted.to=0").exit_code == 0
    assert "tainted, `1`, or not, `0`" in call(*asked, "--mock=tainted.to=yes").stderr
    assert "did you mean `tainted.to`" in call(*asked, "--mock=tainted.too=1").stderr


def test_nothing_is_remembered(clock: Path) -> None:
    for _ in range(2):
        assert call("eval", clock, *WHO, DAY, CALM).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--set=context.nonsense=1",), "context.nonsense: unknown attribute"),
        (("--stage=night",), "stage: "),
        (("--set=nonsense",), "--set nonsense: write GROUP.NAME=VALUE"),
        (("--set=user.id.x=1",), "user.id.x: `id` is no object in the request"),
        (("gone.json",), "cannot read gone.json: No such file"),
        (("a\0b",), "is no path"),
        (("-", "--content=-"), "only one of the request and --content"),
        (("--at=noon",), "--at noon: write a time such as"),
        (("--mock=classifier.x=1",), "the policies ask for no `classifier.x`; did you mean"),
        (("--mock=classifier.toxicity=high",), "`high` is no number"),
        (("--mock=meter.refusals=0.5",), "`0.5` is no number"),
        (("--mock=zzz",), "there are injection, classifier.toxicity, meter.refusals"),
    ],
)
def test_input_that_is_none_gets_a_sentence(
    clock: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = call("eval", clock, *WHO, *arguments)
    assert told in result.stderr
    assert (result.stdout, result.exit_code) == ("", 2)


def test_every_wrong_path_is_told_at_once(tmp_path: Path) -> None:
    result = call("eval", folder(tmp_path), "--set=context.amount=many", "--set=context.x=1")
    assert result.stderr.startswith("engine: the request does not fit the schema:\n")
    for path in ("context.amount", "context.x", "tenant.id", "user.id"):
        assert f"\n  {path}: " in result.stderr


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"a": \xff}', b'"\xff"', b"[" * 100_000, b'{"tenant": "x"}', b"NaN"]
)
def test_any_json_gets_a_sentence(tmp_path: Path, raw: bytes) -> None:
    result = call("eval", folder(tmp_path), "-", given=raw)
    assert result.stderr.startswith("engine: ")
    assert (result.stdout, result.exit_code) == ("", 2)


def test_content_that_is_not_utf8_gets_a_sentence(tmp_path: Path) -> None:
    result = call("eval", folder(tmp_path), *WHO, "--content=-", given=b"ab\xff")
    assert result.stderr == "engine: standard input is not UTF-8 at byte 2\n"
    assert result.exit_code == 2


def test_values_that_are_no_json_are_text(tmp_path: Path) -> None:
    root = folder(tmp_path, {"p.pol": "schema { context.x: string? }\n" + DOOR[14:]})
    text = '--set=context.x={"deep": '
    assert "context.x" not in call("eval", root, *WHO, text).stderr


def test_policies_that_do_not_check_are_shown(tmp_path: Path) -> None:
    root = folder(tmp_path, {"broken.pol": BROKEN})
    result = call("eval", root, *WHO)
    assert f"{root}/broken.pol:1:45: error[E201]" in result.stderr
    assert result.stderr.endswith(f"engine: {root}: the policies do not check\n")
    assert result.exit_code == 2
    assert call("eval", tmp_path / "gone", *WHO).exit_code == 2
