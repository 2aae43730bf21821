from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine.daemon.places import REVIEWS, StartError
from engine.daemon.settings import Settings
from engine.daemon.settings_audit import Audit, Record
from engine.daemon.settings_reviews import Reviews
from engine.daemon.start import assemble
from engine.service.record import Both, NoRecorder
from engine.state.clock import SteadyStore
from engine.state.lmdb import FILE


def settings(folder: Path, **others: object) -> Settings:
    return Settings(policies=str(folder / "policies"), data=str(folder / "data"), **others)  # type: ignore[arg-type]


def refusal(chosen: Settings) -> str:
    with pytest.raises(StartError) as caught:
        assemble(chosen)
    return str(caught.value)


def test_the_first_start_makes_a_folder_for_its_owner_alone(tmp_path: Path) -> None:
    parts = assemble(settings(tmp_path))
    data = tmp_path / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {one.name for one in data.iterdir()} >= {"secret.key", "cache", "state"}
    assert parts.recorded == data / "decisions.jsonl"
    assert isinstance(parts.gate.store, SteadyStore)
    assert (data / "state" / FILE).exists()
    assert isinstance(parts.gate.recorder, Both)
    assert parts.audit is not None
    assert parts.audit.folder == data / "audit"
    assert not parts.gate.ready
    assert parts.own_folders >= {data, data / "cache"}
    parts.release()


def test_the_secret_is_the_same_after_a_restart(tmp_path: Path) -> None:
    secrets = []
    for _ in range(2):
        parts = assemble(settings(tmp_path))
        secrets.append(parts.taker.recipe.secret)
        parts.release()
    assert secrets[0] == secrets[1]


def test_memory_keeps_nothing_and_cleans_up(tmp_path: Path) -> None:
    parts = assemble(settings(tmp_path, state="memory"))
    assert not (tmp_path / "data").exists()
    assert isinstance(parts.gate.store, SteadyStore)
    assert isinstance(parts.gate.recorder, NoRecorder)
    assert parts.recorded is None
    assert parts.cache.folder.exists()
    parts.release()
    assert not parts.cache.folder.exists()


def test_a_record_that_was_asked_for_has_a_place_or_the_start_is_refused(tmp_path: Path) -> None:
    told = refusal(settings(tmp_path, state="memory", record=Record(file="mine.jsonl")))
    assert told == (
        "decisions cannot be recorded in mine.jsonl: that is relative to the data folder, and "
        "there is none in memory; give a whole path, or none"
    )


def test_memory_can_still_record_and_have_a_key_and_a_cache(tmp_path: Path) -> None:
    parts = assemble(
        settings(
            tmp_path,
            state="memory",
            cache=str(tmp_path / "cache"),
            secret_key_file=str(tmp_path / "key"),
            record=Record(file=str(tmp_path / "record")),
        )
    )
    assert parts.recorded == tmp_path / "record"
    assert (tmp_path / "key").exists()
    parts.release()
    assert (tmp_path / "cache").exists()


def test_without_a_record_file_and_a_trail_nothing_is_recorded(tmp_path: Path) -> None:
    parts = assemble(settings(tmp_path, record=Record(file=""), audit=Audit(folder="")))
    assert isinstance(parts.gate.recorder, NoRecorder)
    parts.release()


def test_a_data_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    told = refusal(settings(tmp_path))
    assert str(tmp_path / "data") in told
    assert "--memory" in told


def test_a_second_daemon_on_the_same_data_is_refused(tmp_path: Path) -> None:
    first = assemble(settings(tmp_path))
    assert "another process records" in refusal(settings(tmp_path))
    first.release()
    assemble(settings(tmp_path)).release()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    assemble(settings(tmp_path)).release()
    (tmp_path / "data/secret.key").chmod(0o644)
    assert "chmod 600" in refusal(settings(tmp_path))


def test_a_cache_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    assert "can be written by others" in refusal(settings(tmp_path, cache=str(tmp_path / "cache")))


def test_a_state_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data/state").write_text("a file in the way")
    assert "state" in refusal(settings(tmp_path))


def test_reviews_are_kept_in_the_data_folder_unless_nothing_is(tmp_path: Path) -> None:
    parts = assemble(settings(tmp_path))
    assert parts.gate.reviews is not None
    assert stat.S_IMODE((tmp_path / "data" / REVIEWS).stat().st_mode) == 0o600
    parts.release()
    for none in (
        settings(tmp_path, reviews=Reviews(store="")),
        settings(tmp_path, state="memory"),
    ):
        parts = assemble(none)
        assert parts.gate.reviews is None
        parts.release()


def test_reviews_that_cannot_be_opened_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / REVIEWS).write_bytes(b"no database at all" * 100)
    assert "file is not a database" in refusal(settings(tmp_path))
