"""How the audit trail fares, as metrics tell it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.daemon.audit_metrics import trouble_with
from engine.daemon.counts import Metrics
from engine.daemon.metrics import make_registry
from engine.daemon.sums import Sums, families_of
from engine.runtime.memory import MemoryStore
from engine.service.audit import Audit
from engine.service.gate import Gate
from engine.storage.durability import Way
from tests.service.bundle import SECRET
from tests.service.test_record import entry


def told(audit: Audit) -> dict[str, float]:
    """Return what two processes with such a trail count together."""
    registry = make_registry(Metrics(), Gate(MemoryStore(), secret=SECRET), audit=audit)
    sums = Sums()
    for name in ("1", "2"):
        sums.hear(name, families_of(registry.collect()))
    return {
        one.name.removeprefix("engine_audit_"): one.value
        for metric in sums.collect()
        if metric.name.startswith("engine_audit")
        for one in metric.samples
        if one.labels.get("le", "+Inf") == "+Inf"
    }


def test_what_is_written_lost_and_waits_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audit(
        tmp_path / "audit",
        tmp_path / "key",
        Way(durability="synced", on_full="drop"),
        name="x",
        time=lambda: "2026",
    )
    audit.write(entry())
    audit.wait()
    found = told(audit)
    assert (found["records_total"], found["sync_seconds_count"], found["up"]) == (2, 2, 1)
    assert found["sync_seconds_sum"] > 0
    assert found["bytes_total"] > 1000

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    audit.write(entry())
    audit.wait()
    monkeypatch.undo()
    found = told(audit)
    assert (found["up"], found["dropped_total"], found["gaps_total"]) == (0, 2, 0)
    assert trouble_with(audit) == "the audit trail cannot be written"
    audit.write(entry())
    audit.wait()
    found = told(audit)
    assert (found["up"], found["gaps_total"], found["waiting"]) == (1, 2, 0)
    assert trouble_with(audit) == ""
    assert found["records_total"] == 6
    audit.close()
