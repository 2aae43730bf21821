from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from engine.daemon.config import load_settings, render_settings
from engine.daemon.options import ConfigError
from engine.daemon.retention import make_indexes, now, rules_of, tidy
from engine.daemon.settings_audit import Audit as AuditSettings
from engine.daemon.settings_retention import MOST_DAYS, TenantKeep
from engine.service.audit import KEY, Audit
from engine.storage.header import CLOSED
from engine.storage.holds import FILE
from engine.storage.index import ENDING
from engine.storage.moment import moment_of, time_of
from engine.storage.query import find
from engine.storage.retention import DAY, Keep
from engine.storage.tending import tending
from engine.storage.verify import verify_folder
from engine.storage.wanted import Wanted
from tests.service.test_record import entry

SETTINGS = AuditSettings(folder="audit", keep_days=10, name="x")


def written(data: Path, days: int = 20) -> Audit:
    audit = Audit(data / "audit", data / KEY, "deny", name="x", time=now, segment_bytes=5000)
    for day in range(days, 0, -1):
        moment = time_of(time.time_ns() // 1000 - day * DAY + DAY // 2)
        audit.write(msgspec.structs.replace(entry(), time=moment, decision_id=f"d{day}"))
    audit.close()
    return audit


def left(data: Path) -> list[str]:
    found = find(data / "audit", Wanted(kind="decision"))
    return [one.text("decision_id") for one in found]


def test_a_trail_is_tidied_by_the_settings(tmp_path: Path) -> None:
    audit = written(tmp_path)
    told: list[str] = []
    found = tidy(SETTINGS, tmp_path, told.append)
    assert (found.records, told) == (10, [])
    assert left(tmp_path) == [f"d{day}" for day in range(10, 0, -1)]
    assert verify_folder(tmp_path / "audit", [audit.verifier]).problems == []
    (act, *_) = find(tmp_path / "audit", Wanted(kind="admin"))
    assert act.text("who") == "engine"


def test_without_rules_only_indexes_are_made(tmp_path: Path) -> None:
    written(tmp_path)
    told: list[str] = []
    found = tidy(AuditSettings(folder="audit"), tmp_path, told.append)
    folder = tmp_path / "audit"
    assert (found.records, told, len(left(tmp_path))) == (0, [], 20)
    assert {one.stem for one in folder.glob(f"*{ENDING}")} == {
        one.stem for one in folder.glob(f"*{CLOSED}")
    }
    assert make_indexes(folder, told.append) == 0


def test_what_stands_in_the_way_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    written(tmp_path)
    folder = tmp_path / "audit"
    (folder / FILE).write_text("{")
    (folder / f"zz-00000000{CLOSED}").write_text("no header\n")
    told: list[str] = []
    assert tidy(SETTINGS, tmp_path, told.append).records == 0
    assert told[0].startswith(f"no index of zz-00000000{CLOSED}: ")
    assert told[1].startswith("nothing is forgotten: ")
    (folder / FILE).unlink()
    (folder / f"zz-00000000{CLOSED}").unlink()
    path = min(folder.glob(f"*{CLOSED}"))
    path.write_bytes(path.read_bytes().replace(b"north", b"nortH", 1))
    told.clear()
    assert tidy(SETTINGS, tmp_path, told.append).records > 0
    assert any("stays as it is" in one and "is not whole" in one for one in told)
    assert path.exists()


def test_whoever_is_late_does_nothing(tmp_path: Path) -> None:
    written(tmp_path)
    with tending(tmp_path / "audit"):
        assert tidy(SETTINGS, tmp_path, lambda _: None).busy
    assert len(left(tmp_path)) == 20


def test_a_segment_that_went_meanwhile_has_no_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)

    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("engine.daemon.retention.index_of", gone)
    assert make_indexes(tmp_path / "audit", lambda _: None) == 0


def test_what_a_table_leaves_open_is_as_for_all() -> None:
    tenants = {
        "a": TenantKeep(keep_days=5),
        "b": TenantKeep(keep_megabytes=0),
        "c": TenantKeep(keep_days=0, keep_megabytes=7),
    }
    rules = rules_of(AuditSettings(keep_days=10, keep_megabytes=20, tenants=tenants))
    assert rules.of("other") == Keep(days=10, megabytes=20)
    assert rules.of("a") == Keep(days=5, megabytes=20)
    assert rules.of("b") == Keep(days=10)
    assert rules.of("c") == Keep(megabytes=7)
    assert not rules_of(AuditSettings()).any
    assert moment_of(now()) > 0


# --- settings ------------------------------------------------------------------------------------


def test_tables_of_tenants_are_read_and_shown(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(
        "[audit]\nkeep_days = 9\n[audit.tenants.north]\nkeep_days = 3\n"
        '[audit.tenants."a.b c"]\nkeep_megabytes = 0\n'
    )
    settings = load_settings(file, {}, {})
    assert settings.audit.tenants == {
        "north": TenantKeep(keep_days=3),
        "a.b c": TenantKeep(keep_megabytes=0),
    }
    file.write_text(render_settings(settings))
    assert load_settings(file, {}, {}).audit == settings.audit
    given = load_settings(None, {"ENGINE_AUDIT_TENANTS": '{"x":{"keep_days":1}}'}, {})
    assert given.audit.tenants == {"x": TenantKeep(keep_days=1)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1]", "must be tables: write [audit.tenants.NAME]"),
        ("{", "must be a JSON object here"),
        ('{"n":{"keep_day":1}}', "tenant `n`: Object contains unknown field `keep_day`"),
        ('{"n":{"keep_days":"1"}}', "tenant `n`: Expected `int | null`"),
        ('{"n":{"keep_days":-1}}', f"`keep_days` must be a whole number from 0 to {MOST_DAYS}"),
        ('{"n":{"keep_megabytes":9999999}}', "`keep_megabytes` must be a whole number from 0 to"),
    ],
)
def test_tables_that_are_none_are_told(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings(None, {}, {"audit.tenants": text})
    assert why in str(error.value)
