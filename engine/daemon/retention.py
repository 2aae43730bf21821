"""Settings and a data folder in, a tidy audit trail out: indexes made, what may go forgotten.

For whatever tends the trail beside the decisions; it reads and writes files, and takes its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from engine.daemon.leap import WHY
from engine.daemon.settings_audit import Audit as AuditSettings
from engine.service.audit import KEY, Audit
from engine.service.record import RecordError
from engine.service.retention import Forgotten, prune
from engine.storage.header import OPEN, NoSegment
from engine.storage.holds import HoldsError
from engine.storage.index import index_of, missing_indexes
from engine.storage.moment import time_of
from engine.storage.retention import Keep, Rules
from engine.storage.source import opened_source, segment_files

WHO = "engine"
STEP_SECONDS = 0.0005
"""A pause after every piece of a segment that is indexed: about as long as a piece takes."""


def rules_of(settings: AuditSettings) -> Rules:
    """Return the rules that *settings* say; what a tenant's table leaves open is as for all."""
    days, megabytes = settings.keep_days, settings.keep_megabytes
    return Rules(
        others=Keep(days=days, megabytes=megabytes),
        tenants={
            name: Keep(
                days=days if one.keep_days is None else one.keep_days,
                megabytes=megabytes if one.keep_megabytes is None else one.keep_megabytes,
            )
            for name, one in settings.tenants.items()
        },
    )


def without_age(rules: Rules) -> Rules:
    """Return what of *rules* does not ask the clock."""
    keep = partial(msgspec.structs.replace, days=0)
    return Rules(
        others=keep(rules.others), tenants={name: keep(one) for name, one in rules.tenants.items()}
    )


def tidy(
    settings: AuditSettings,
    data: Path,
    told: Callable[[str], None],
    leapt: Callable[[], bool] = lambda: False,
) -> Forgotten:
    """Make the indexes that are missing, and forget what may go; *told* hears what is wrong.

    For its age nothing goes where the clock *leapt* ahead lately.
    Whatever goes wrong, nothing is lost by it, and it is tried again the next time.
    """
    folder = data / settings.folder
    make_indexes(folder, told)
    rules = rules_of(settings)
    if leapt() and rules != without_age(rules):
        told(WHY)
        rules = without_age(rules)
    if not rules.any:
        return Forgotten()

    def opener() -> Audit:
        return Audit(folder, data / KEY, "deny", name=settings.name, time=now)

    try:
        found = prune(folder, rules, time.time_ns() // 1000, opener, who=WHO)
    except (HoldsError, RecordError, OSError, NoSegment) as error:
        told(f"nothing is forgotten: {error}")
        return Forgotten()
    for sentence in found.told:
        told(sentence)
    return found


def make_indexes(folder: Path, told: Callable[[str], None]) -> int:
    """Make the indexes of closed segments that have none; return how many were made."""
    made = 0
    closed = [path for path in segment_files(folder) if not path.name.endswith(OPEN)]
    for path in missing_indexes(closed):
        try:
            with opened_source(path) as source:
                index_of(source, _step_back)
        except FileNotFoundError:
            continue  # It has been forgotten meanwhile.
        except (OSError, NoSegment) as error:
            told(f"no index of {path.name}: {error}")
        else:
            made += 1
    return made


def _step_back() -> None:
    """Let whoever decides go first."""
    time.sleep(STEP_SECONDS)


def now() -> str:
    """Return the time of the clock on the wall."""
    return time_of(time.time_ns() // 1000)
