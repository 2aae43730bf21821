"""Recorded content is shown to who asks for it and has the keys, until its tenant is erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.audit_content import reveal
from engine.service.audit import KEY, Audit
from engine.service.entries import ContentEntry, Entry
from engine.service.keys import load_key
from engine.service.vault import FOLDER, Vault
from engine.storage.holds import Hold, write_holds
from engine.storage.notes import read_verifier
from engine.storage.read import read_folder
from engine.storage.source import segment_files
from engine.storage.verify import verify_folder
from tests.cli.calling import call

NOW = "2026-01-01T00:00:00.000000Z"
SAID = '{"text":"my card is [CARD]"}'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder whose trail has content: in the open, sealed, and none."""
    vault = Vault(tmp_path / FOLDER, load_key(tmp_path / "secret.key"))
    key, sealed = vault.seal("north", "d2", SAID.encode())
    contents = (
        ContentEntry(text="in the open", arguments={"to": "[EMAIL]"}),
        ContentEntry(sealed=sealed, key=key),
        ContentEntry(missing="it was not looked at"),
        None,
    )
    folder, key_file = tmp_path / "audit", tmp_path / KEY
    audit = Audit(folder, key_file, "deny", name="north.example/a", time=lambda: NOW)
    for number, content in enumerate(contents, start=1):
        audit.write(
            Entry(
                time=NOW,
                decision_id=f"d{number}",
                revision="r",
                tenant="north",
                user="u",
                stage="request",
                action="deny",
                effective_action="deny",
                evaluated_in=1,
                content=content,
            )
        )
    audit.close()
    return tmp_path


def shown(data: Path, decision: str, *options: str) -> Any:
    return json.loads(call("audit", "show", "--folder", data / "audit", decision, *options).stdout)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_content_is_told_by_its_size_unless_somebody_asks(
    data: Path, form: tuple[str, ...]
) -> None:
    assert shown(data, "d1", *form)["content"] == {"characters": 11, "arguments": True}
    sealed = shown(data, "d2", *form)["content"]
    assert (sealed["sealed"], len(sealed["key"])) == (True, 16)
    assert shown(data, "d3", *form)["content"] == {"missing": "it was not looked at"}
    assert "content" not in shown(data, "d4", *form)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_who_asks_and_has_the_keys_reads_it(data: Path, form: tuple[str, ...]) -> None:
    assert shown(data, "d1", "--content", *form)["content"] == {
        "text": "in the open",
        "arguments": {"to": "[EMAIL]"},
    }
    assert shown(data, "d2", "--content", *form)["content"] == json.loads(SAID)
    named = shown(data, "d2", "--content", "--data", str(data), *form)
    assert named["content"] == json.loads(SAID)


def test_without_the_keys_nobody_does(data: Path, tmp_path: Path) -> None:
    found = shown(data, "d2", "--content", "--data", str(tmp_path / "elsewhere"))["content"]
    assert found["unreadable"]
    assert "secret.key is not there" in found["why"]


def test_content_moved_to_another_record_does_not_open(data: Path) -> None:
    vault = Vault(data / FOLDER, load_key(data / "secret.key"))
    key, sealed = vault.seal("north", "other", SAID.encode())
    fields: dict[str, object] = {"tenant": "north", "decision_id": "d9"}
    fields["content"] = {"sealed": sealed, "key": key}
    assert reveal(fields, data)["content"] == {
        "unreadable": True,
        "why": "it was sealed for another decision, or was changed",
    }
    assert reveal({"content": "no content"}, data) == {"content": "no content"}


def test_after_the_erasure_it_says_so_and_the_trail_is_whole(data: Path) -> None:
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert result.exit_code == 0, result.stderr
    assert "the key of north is erased" in result.stdout
    found = shown(data, "d2", "--content")["content"]
    assert found == {"erased": True, "why": "the key of this tenant was erased"}
    folder = data / "audit"
    report = verify_folder(folder, [read_verifier((folder / "audit.pub").read_text())])
    assert not report.problems
    last = [json.loads(one.payload) for one in read_folder(folder)][-1]
    assert (last["kind"], last["act"], last["what"]["tenant"]) == ("admin", "erased", "north")
    assert last["who"]


def test_nothing_is_erased_unless_it_is_confirmed(data: Path) -> None:
    for answer in ("n\n", None):
        result = call("audit", "erase", "north", "--data", data, given=answer)
        assert (result.exit_code, "nothing was erased" in result.stdout) == (1, True)
    assert shown(data, "d2", "--content")["content"] == json.loads(SAID)
    assert call("audit", "erase", "north", "--data", data, given="y\n").exit_code == 0


def test_a_tenant_without_a_key_has_nothing_to_erase(data: Path) -> None:
    result = call("audit", "erase", "sou\x1bth", "--data", data, "--yes")
    assert (result.exit_code, "nothing to erase" in result.stdout) == (1, True)
    assert "\x1b" not in result.stdout


def test_an_erasure_that_cannot_be_recorded_is_told(data: Path) -> None:
    (data / KEY).unlink()
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert result.exit_code == 2
    assert "it is not recorded: the trail in" in result.stderr
    assert not (data / KEY).exists()
    assert shown(data, "d2", "--content")["content"]["erased"]


def test_another_deployment_s_trail_is_left_alone(data: Path) -> None:
    (data / KEY).unlink()
    load_key(data / KEY)
    before = (data / "audit" / "audit.pub").read_text()
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert (result.exit_code, "signed with another key" in result.stderr) == (2, True)
    assert (data / "audit" / "audit.pub").read_text() == before


def test_where_no_trail_is_kept_nothing_is_recorded(data: Path) -> None:
    result = call(
        "audit", "erase", "north", "--data", data, "--yes", "--folder", data / "elsewhere"
    )
    assert (result.exit_code, "there is no trail in" in result.stdout) == (0, True)


def test_a_key_that_cannot_be_erased_is_told(data: Path) -> None:
    [key] = (data / FOLDER).iterdir()
    key.unlink()
    (key / "x").mkdir(parents=True)
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert (result.exit_code, "could not be erased" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "held", [{"tenant": "north"}, {"decision": "d2"}], ids=["the tenant", "one of its decisions"]
)
def test_what_is_held_is_not_erased(data: Path, held: dict[str, str]) -> None:
    hold = Hold(id="h1", since=NOW, reason="case 17", **held)
    write_holds(data / "audit", (hold,))
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert (result.exit_code, "release the hold h1 first" in result.stdout) == (1, True)
    assert shown(data, "d2", "--content")["content"] == json.loads(SAID)


def test_what_is_held_of_others_does_not_matter(data: Path) -> None:
    others = {"tenant": "south"}, {"decision": "d9"}, {"session": "s9"}
    holds = [Hold(id=f"h{at}", since=NOW, reason="r", **one) for at, one in enumerate(others)]
    write_holds(data / "audit", tuple(holds))
    assert call("audit", "erase", "north", "--data", data, "--yes").exit_code == 0


def test_where_holds_cannot_be_read_nothing_is_erased(data: Path) -> None:
    (data / "audit" / "holds.json").write_text("{")
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert (result.exit_code, "cannot be known" in result.stderr) == (2, True)
    assert shown(data, "d2", "--content")["content"] == json.loads(SAID)


def test_where_a_held_decision_may_be_in_what_was_damaged_nothing_is_erased(data: Path) -> None:
    write_holds(data / "audit", (Hold(id="h1", since=NOW, reason="r", decision="d2"),))
    (path,) = segment_files(data / "audit")
    path.write_bytes(path.read_bytes().replace(b'"d2"', b'"d5"'))
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert (result.exit_code, "cannot be known" in result.stderr) == (2, True)
    assert list((data / FOLDER).iterdir())


def test_where_a_hold_is_gone_that_was_never_released_nothing_is_erased(data: Path) -> None:
    held = call("audit", "hold", "--folder", data / "audit", "north", "--reason", "case 17")
    assert held.exit_code == 0
    (data / "audit" / "holds.json").unlink()
    result = call("audit", "erase", "north", "--data", data, "--yes")
    assert (result.exit_code, "which was never released" in result.stderr) == (2, True)
    assert shown(data, "d2", "--content")["content"] == json.loads(SAID)
