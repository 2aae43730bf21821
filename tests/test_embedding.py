from __future__ import annotations

import doctest
import errno
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import embedding
from engine.runtime.decision import Message
from engine.runtime.memory import MemoryStore
from engine.service.audit import PUBLIC, Audit
from engine.service.gate import NotReady
from engine.service.record import RecordError
from engine.service.signing import Signing
from engine.storage.durability import Durability
from engine.storage.notes import read_verifier
from engine.storage.read import read_folder
from engine.storage.verify import verify_folder
from tests.daemon.test_serve import until
from tests.service.bundle import asked, write_folder

KILLED = """\
import engine, os, signal, sys
from tests.service.bundle import asked
pol = engine.load(sys.argv[1], audit=sys.argv[2])
print(pol.decide(asked("hello")).decision_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
START = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLE = """\
policy chat {
  default allow
  rule mails { when content has pii.email then redact pii.email }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "policies")


def test_the_documentation_runs(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"chat.pol": EXAMPLE})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    found = 0
    with engine.load(folder) as pol:
        for example in doctest.DocTestFinder().find(embedding):
            example.globs.update({"engine": engine, "pol": pol, "folder": folder})
            found += runner.run(example).attempted
    assert found > 10
    assert runner.summarize().failed == 0


def test_every_public_name_can_be_had_and_is_listed() -> None:
    for name in engine.__all__:
        assert getattr(engine, name).__name__ == name
        assert name in dir(engine)
    with pytest.raises(AttributeError, match="no attribute `lode`"):
        engine.lode  # type: ignore[attr-defined]  # noqa: B018


def test_the_stub_names_what_the_module_has() -> None:
    stub = (Path(engine.__file__).parent / "__init__.pyi").read_text("utf-8")
    assert [name for name in engine.__all__ if f"import {name} as {name}" not in stub] == []
    for name, place in engine.PLACES.items():
        assert f"from {place} import {name} as" in stub


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(engine.__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["version"] == engine.__version__


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys, engine; print([one for one in sys.modules if one.startswith('engine.')])"
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['engine.sources']"  # Which says where the others come from.


def test_mappings_and_requests_are_decided_alike(folder: Path) -> None:
    request = engine.Request(
        tenant={"id": "north"},
        user={"id": "u1"},
        stage="request",
        messages=(Message(role="user", text="write to ann@example.com"),),
    )
    with engine.load(folder) as pol:
        decision = pol.decide(request)
        assert decision.messages == (Message(role="user", text="write to [EMAIL]"),)
        assert pol.decide(asked("write to ann@example.com")).content == "write to [EMAIL]"
        assert decision.revision == pol.revision
        assert json.loads(json.dumps(decision.to_dict()))["action"] == "redact"


def test_an_invalid_request_names_every_wrong_path(folder: Path) -> None:
    with engine.load(folder) as pol, pytest.raises(engine.InvalidRequest) as caught:
        pol.decide({"tenant": {"id": 7}, "stage": "night", "nonsense": 1})
    paths = {one.path for one in caught.value.problems}
    assert {"tenant.id", "user.id", "stage", "nonsense"} <= paths


def test_policies_that_do_not_check_raise_every_problem(folder: Path) -> None:
    write_folder(folder, {"x.pol": "policy x { default perhaps }"})
    with pytest.raises(engine.PolicyError, match=r"x\.pol:1:20") as caught:
        engine.load(folder)
    assert caught.value.texts["x.pol"] == "policy x { default perhaps }"


def test_the_clock_is_the_callers(folder: Path) -> None:
    now = START
    with engine.load(folder, clock=lambda: now) as pol:
        assert [pol.decide(asked("flood")).action for _ in range(3)][-1] == "throttle"
        now += timedelta(seconds=30)
        assert pol.decide(asked("flood")).action == "allow"


def test_state_in_a_folder_outlives_the_engine(folder: Path, tmp_path: Path) -> None:
    actions = []
    for _ in range(3):
        with engine.load(folder, state=tmp_path / "state", clock=lambda: START) as pol:
            actions.append(pol.decide(asked("flood")).action)
    assert actions == ["allow", "allow", "throttle"]


def test_state_can_be_the_callers_own_store(folder: Path) -> None:
    store = MemoryStore()
    first = engine.load(folder, state=store, clock=lambda: START)
    second = engine.load(folder, state=store, clock=lambda: START)
    actions = [pol.decide(asked("flood")).action for pol in (first, second, first)]
    assert actions == ["allow", "allow", "throttle"]


def test_the_record_and_the_secret_are_the_callers(folder: Path, tmp_path: Path) -> None:
    hashes = []
    for number, secret in enumerate((b"a" * 32, b"a" * 32, b"b" * 32)):
        record = tmp_path / f"{number}.jsonl"
        with engine.load(folder, record=record, secret=secret) as pol:
            pol.decide(asked("hello"))
        hashes.append(json.loads(record.read_text())["content_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("durability", ["written", "synced", "spool"])
def test_a_trail_has_every_decision_signed(
    folder: Path, tmp_path: Path, durability: Durability
) -> None:
    trail = tmp_path / "audit"
    with engine.load(folder, audit=trail, durability=durability) as pol:
        given = [pol.decide(asked(f"number {number}")).decision_id for number in range(5)]
    verifier = read_verifier((trail / PUBLIC).read_text())
    report = verify_folder(trail, [verifier])
    lines = [json.loads(one.payload) for one in read_folder(trail)]
    assert (report.problems, report.unsigned) == ([], 0)
    assert [line["decision_id"] for line in lines] == given
    assert (tmp_path / "audit.key").stat().st_mode & 0o077 == 0


def test_what_the_trail_cannot_keep_is_denied_and_the_file_has_no_more_than_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "d.jsonl"
    pol = engine.load(folder, audit=tmp_path / "audit", record=file)
    assert pol.decide(asked("hello")).action == "allow"
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        decision = pol.decide(asked("hello again"))
    assert (decision.action, decision.reasons[0].failure != "") == ("deny", True)
    assert len(file.read_text().splitlines()) == 1
    assert pol.decide(asked("hello")).action == "allow"
    pol.close()


def test_an_answer_waits_for_the_disk_and_is_denied_when_that_has_failed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pol = engine.load(folder, audit=tmp_path / "audit", durability="synced")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        assert pol.decide(asked("hello")).action == "deny"
    assert pol.decide(asked("hello")).action == "allow"
    pol.close()


def test_threads_go_to_the_disk_together(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    sync = os.fdatasync
    syncs: list[int] = []

    def held(file: int) -> None:
        syncs.append(file)
        reached.set()
        assert go_on.wait(60)
        sync(file)

    with engine.load(folder, audit=tmp_path / "audit", durability="synced") as pol:
        with monkeypatch.context() as patch, ThreadPoolExecutor(9) as pool:
            patch.setattr(os, "fdatasync", held)
            found = [pool.submit(pol.decide, asked("hello"))]
            assert reached.wait(60)
            found += [pool.submit(pol.decide, asked("hello")) for _ in range(8)]
            audit = pol._gate.recorder
            assert isinstance(audit, Audit)
            until(lambda: audit.waiting == 9)
            assert not any(one.done() for one in found)
            go_on.set()
            assert {one.result().action for one in found} == {"allow"}
        assert len(syncs) == 2


def test_the_next_engine_closes_and_signs_what_a_killed_one_has_left(
    folder: Path, tmp_path: Path
) -> None:
    trail = tmp_path / "audit"
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", KILLED, str(folder), str(trail)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(engine.__file__).parents[1],
    )
    engine.load(folder, audit=trail).close()
    report = verify_folder(trail, [read_verifier((trail / PUBLIC).read_text())])
    lines = [json.loads(one.payload) for one in read_folder(trail)]
    assert (report.problems, report.unsigned) == ([], 0)
    assert done.stdout.strip() in [line.get("decision_id") for line in lines]


def test_a_trail_is_tended_now_and_then_until_it_is_closed() -> None:
    tended = threading.Event()
    signing = Signing(tended.set, 0.001)
    assert tended.wait(60)
    signing.close()
    signing.close()


def test_a_trail_that_cannot_be_had_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot keep an audit trail"):
        engine.load(folder, audit=tmp_path / "file" / "audit")
    with pytest.raises(RecordError):
        engine.load(folder, audit=tmp_path / "audit", record=tmp_path / "file" / "d.jsonl")
    assert not list((tmp_path / "audit").glob("*.open"))
    with pytest.raises(ValueError, match="`durability` must be one of"):
        engine.load(folder, audit=tmp_path / "audit", durability="never")  # type: ignore[arg-type]


def full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_cache_is_used_and_changes_nothing(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    revisions = set()
    for _ in range(2):
        with engine.load(folder, cache=cache) as pol:
            assert pol.decide(asked("my card is 4111 1111 1111 1111")).action == "deny"
            revisions.add(pol.revision)
    assert len(revisions) == 1
    assert any(cache.iterdir())


def test_content_over_the_limit_is_refused(folder: Path) -> None:
    pol = engine.load(folder, content_characters=4)
    with pol, pytest.raises(engine.InvalidRequest, match="limit is 4"):
        pol.decide(asked("hello"))


def test_a_reload_that_fails_changes_nothing(folder: Path) -> None:
    with engine.load(folder) as pol:
        before = pol.revision
        write_folder(folder, {"x.pol": "policy x {"})
        with pytest.raises(engine.PolicyError):
            pol.reload()
        assert pol.revision == before
        write_folder(folder, {"x.pol": "policy x { default deny }"})
        pol.reload()
        assert pol.revision != before
        assert pol.decide(asked()).action == "deny"


def test_settling_gives_back_what_was_not_used(folder: Path) -> None:
    request = asked("spend", usage={"input_tokens": 90, "output_tokens": 0})
    with engine.load(folder, clock=lambda: START) as pol:
        first = pol.decide(request)
        assert pol.settle(first.decision_id, input_tokens=10)
        assert pol.decide(request).action == "allow"


def test_threads_may_share_an_engine(folder: Path) -> None:
    ids: list[str] = []
    with engine.load(folder, clock=lambda: START) as pol:

        def work() -> None:
            ids.extend(pol.decide(asked("flood")).decision_id for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(ids)) == 200


def test_a_closed_engine_decides_no_more_and_can_be_closed_again(
    folder: Path, tmp_path: Path
) -> None:
    pol = engine.load(folder, record=tmp_path / "d.jsonl", state=tmp_path / "state")
    pol.close()
    pol.close()
    with pytest.raises(NotReady, match="closed"):
        pol.decide(asked())


def test_a_short_secret_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="the secret has 31 bytes, and 32 are the least"):
        engine.load(folder, secret=bytes(31))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"content_characters": 0}, "`content_characters` must be at least 1"),
        ({"long_characters": 0}, "`long_characters` must be at least 1"),
        ({"remembered_bytes": -1}, "`remembered_bytes` must be at least 0"),
        (
            {"on_content_too_large": "allow"},
            "`on_content_too_large` must be one of refuse, deny, escalate",
        ),
        ({"scanner": "re"}, "`scanner` must be one of auto, hyperscan, re2"),
        ({"scanner": "hyperscan"}, '`scanner` is "hyperscan", which needs a `cache`'),
    ],
)
def test_what_cannot_be_used_is_refused(folder: Path, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}"):
        engine.load(folder, **given)


def test_a_scanner_that_is_not_there_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.service.nets.VERSION", "")
    with pytest.raises(ValueError, match="cannot be imported here"):
        engine.load(folder, scanner="hyperscan", cache=tmp_path / "cache")


def test_too_much_content_is_refused_denied_or_escalated(folder: Path) -> None:
    with engine.load(folder, content_characters=5) as pol:
        with pytest.raises(engine.InvalidRequest, match="content too large"):
            pol.decide(asked("123456"))
        assert pol.decide(asked("12345")).action == "allow"
    for action in ("deny", "escalate"):
        with engine.load(folder, content_characters=5, on_content_too_large=action) as pol:
            found = pol.decide(asked("123456"))
            assert (found.action, found.reasons[0].message) == (action, "content too large")


def test_long_content_is_decided_alike_in_windows_and_whole(folder: Path, tmp_path: Path) -> None:
    text = "the plan was discussed at length. " * 3000 + "write to ann@example.com"
    for scanner in ("re2", "hyperscan"):
        found = []
        for long in (65_536, 10_000_000):
            with engine.load(
                folder, long_characters=long, scanner=scanner, cache=tmp_path / "cache"
            ) as pol:
                found.append(pol.decide(asked(text)))
                assert pol.explain(asked(text)).decision.action == "redact"
        assert found[0].content == found[1].content == text[:-15] + "[EMAIL]"
        assert found[0].redactions == found[1].redactions


def test_a_number_in_arguments_comes_back_as_a_number(tmp_path: Path) -> None:
    rule = 'when tool.name == "crm" then redact pii.card in tool.args as token'
    (tmp_path / "p.pol").write_text(
        f'policy p {{ default allow rule hide {{ when stage == "tool_call" and {rule[5:]} }} }}'
    )
    card = 4111111111111111
    args = {"number": card, "text": str(card), "list": [card, f"card {card}"], "n": 7}
    with engine.load(tmp_path) as pol:

        def call(tool: str, arguments: object) -> engine.Decision:
            return pol.decide(
                asked(
                    stage="tool_call",
                    content="",
                    session={"id": "s1"},
                    tool={"name": tool, "args": arguments},
                )
            )

        hidden = call("crm", args)
        assert hidden.action == "redact"
        assert str(card) not in str(hidden.arguments)
        back = call("bank", hidden.arguments)
        assert (back.action, back.restored) == ("allow", 4)
        assert back.arguments == args
        again = call("crm", hidden.arguments)
        assert (again.action, again.restored) == ("redact", 4)
        assert again.arguments == hidden.arguments
