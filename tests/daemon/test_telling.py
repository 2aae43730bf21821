"""What the settings say of the record: words that exist, keys that last, content that can go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.daemon.places import StartError
from engine.daemon.settings import Settings
from engine.daemon.settings_audit import Audit
from engine.daemon.telling import telling_of
from engine.service.telling import Telling
from engine.service.vault import FOLDER
from engine.storage.read import read_folder
from tests.cli.calling import call
from tests.daemon.running import daemon, decide
from tests.daemon.test_workers import both
from tests.service.bundle import SECRET, write_folder

MAIL = "write to ann@example.com"


def told(folder: Path, state: Any = "data", **settings: Any) -> Telling:
    return telling_of(Settings(audit=Audit(**settings), state=state), folder, SECRET)


def test_nothing_but_values_is_told_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert told(tmp_path) == Telling()
    assert told(tmp_path, encrypt=True) == Telling()
    assert list(tmp_path.iterdir()) == []


def test_lists_have_commas_between(tmp_path: Path) -> None:
    made = told(
        tmp_path,
        values="all",
        content="redacted",
        content_tenants="north, south,",
        content_stages="request,tool_call",
        content_actions=" deny ",
        content_characters=7,
    )
    assert made == Telling(
        values="all",
        content="redacted",
        tenants=frozenset({"north", "south"}),
        stages=frozenset({"request", "tool_call"}),
        actions=frozenset({"deny"}),
        characters=7,
    )


@pytest.mark.parametrize("name", ["content_stages", "content_actions"])
def test_a_word_that_is_none_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"`audit.{name}`: there is no `denied`, only "):
        told(tmp_path, **{name: "denied"})


def test_content_is_sealed_with_keys_in_the_data_folder(tmp_path: Path) -> None:
    made = told(tmp_path, content="redacted", encrypt=True)
    assert made.vault is not None
    assert made.vault.folder == tmp_path / FOLDER


def test_keys_that_would_not_last_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="keys that outlive the daemon"):
        told(tmp_path, "memory", content="redacted", encrypt=True)


def contents(folder: Path) -> dict[str, Any]:
    found = [json.loads(one.payload) for one in read_folder(folder / "data/audit")]
    return {one["decision_id"]: one["content"] for one in found if "content" in one}


def shown(folder: Path, decision: str) -> Any:
    options = ("--folder", folder / "data/audit", "--content", "--json", decision)
    return json.loads(call("audit", "show", *options).stdout)["content"]


@pytest.mark.slow
def test_a_tenant_is_erased_while_workers_run(tmp_path: Path) -> None:
    text = "policy p { default allow rule m { when content has pii.email then redact pii.email } }"
    write_folder(tmp_path / "policies", {"p.pol": text})
    options = (
        "--workers=2",
        "--listen=127.0.0.1:0",
        f"--socket={tmp_path}/s",
        "--metrics=",
        "--set=audit.folder=audit",
        "--set=audit.content=redacted",
        "--set=audit.encrypt=true",
        "--set=drain_seconds=2",
    )
    with daemon(tmp_path, *options) as running:
        old = [decide(one, MAIL).decision_id for one in both(tmp_path) for _ in range(3)]
        assert {shown(tmp_path, one)["text"] for one in old} == {"write to [EMAIL]"}
        assert len({contents(tmp_path)[one]["key"] for one in old}) == 1
        erased = call("audit", "erase", "north", "--data", tmp_path / "data", "--yes")
        assert erased.exit_code == 0, erased.stderr
        new = [decide(one, MAIL).decision_id for one in both(tmp_path)]
        assert [shown(tmp_path, one).get("erased") for one in old] == [True] * len(old)
        assert {shown(tmp_path, one)["text"] for one in new} == {"write to [EMAIL]"}
        assert len({one["key"] for one in contents(tmp_path).values()}) == 2
        assert running.stop() == 0, running.log()
    assert "ann@" not in json.dumps(contents(tmp_path))
    verified = call("audit", "verify", "--folder", tmp_path / "data/audit")
    assert verified.exit_code == 0, verified.stdout
