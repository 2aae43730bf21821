from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli.decide import command
from tests.doors.grpc.serving import serve

WHO = ("--tenant=north", "--user=u1")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve() as daemon:
        yield daemon.address


def ask(address: str, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(command, [*arguments, "--addr", address], input=given)


@pytest.mark.parametrize(
    ("arguments", "action", "code"),
    [
        (("--content=hello",), "allow", 0),
        (("--content=write to ann@example.com",), "redact", 0),
        (("--content=a forbidden word",), "deny", 1),
        (("--stage=tool_call", "--tool=pay", "--set=context.amount=900"), "escalate", 1),
    ],
)
def test_the_exit_code_says_whether_it_may_pass(
    address: str, arguments: tuple[str, ...], action: str, code: int
) -> None:
    result = ask(address, *WHO, *arguments)
    assert (result.stdout.split()[0], result.exit_code) == (action, code), result.output


def test_people_see_why_and_what_to_use_instead(address: str) -> None:
    denied = ask(address, *WHO, "--content=a forbidden word").stdout
    assert "desk.guard.no_word: that word is not spoken here" in denied
    assert "severity high" in denied
    assert "content    write to [EMAIL]" in ask(address, *WHO, "--content=write to a@b.org").stdout


def test_machines_get_json(address: str) -> None:
    result = ask(address, *WHO, "--content=write to ann@example.com", "--json")
    decision = json.loads(result.stdout)
    assert (decision["effective_action"], decision["content"]) == ("redact", "write to [EMAIL]")


def test_the_request_can_be_a_file_or_standard_input_and_flags_outrank_it(
    address: str, tmp_path: Path
) -> None:
    request = {
        "tenant": {"id": "north", "plan": "free"},
        "user": {"id": "u1"},
        "stage": "request",
        "messages": [{"role": "user", "text": "a forbidden word"}],
        "capabilities": ["mask"],
    }
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    assert ask(address, str(file)).exit_code == 1
    assert ask(address, "-", given=file.read_text()).exit_code == 1
    allowed = ask(address, str(file), "--content=hello", "--json")
    assert json.loads(allowed.stdout)["advice"] == {"route": "small"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--set=context.nonsense=1",), "context.nonsense: "),
        (("--stage=night",), "stage: must be one of"),
        (("--set=nonsense",), "--set nonsense: write GROUP.NAME=VALUE"),
        (("gone.json",), "cannot read gone.json"),
    ],
)
def test_what_cannot_be_asked_is_told_and_ends_with_2(
    address: str, arguments: tuple[str, ...], told: str
) -> None:
    result = ask(address, *WHO, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_request_of_another_shape_is_told(address: str) -> None:
    result = ask(address, "-", given='{"tenant": 7}')
    assert result.exit_code == 2
    assert "no request" in result.stderr


def test_a_daemon_that_is_not_there_is_told_with_the_remedy(tmp_path: Path) -> None:
    result = ask(f"unix://{tmp_path}/gone", *WHO)
    assert result.exit_code == 2
    assert "engine serve" in result.stderr
