"""What a sink gets of a file of checkpoints of which some were forgotten."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.sinks.batch import CHECKPOINTS
from engine.sinks.cursor import path_of
from engine.storage.roll import roll
from engine.storage.shipped import read_shipped
from engine.storage.source import segment_files
from tests.daemon.test_shipping import Yard
from tests.storage.made import SIGNER, filled, trail


def test_checkpoints_that_were_rolled_are_not_shipped_again(tmp_path: Path) -> None:
    place = Yard(tmp_path)
    filled(place.folder, 40)
    (path,) = segment_files(place.folder)
    told = trail(place.folder)
    what = {
        "segment": path.stem,
        "trail": path.stem.rpartition("-")[0],
        "first": 0,
        "records": 40,
        "pruned": 40,
        "numbers": "",
        "deleted": True,
    }
    told.append(msgspec.json.encode({"kind": "admin", "act": "pruned", "what": what}))
    told.close()
    place.ship()
    path.unlink()
    assert roll(place.folder, SIGNER, read_shipped(place.folder).sent(CHECKPOINTS)) == 4
    filled(place.folder, 10)
    place.ship()
    assert place.gaps == []
    assert place.sink.numbers(CHECKPOINTS) == list(range(6))
    path_of(place.folder, "lake").unlink()
    place.sink.got.clear()
    place.ship()
    # Who comes later gets the bridge in the place of what was forgotten.
    assert place.sink.numbers(CHECKPOINTS) == [0, 4, 5]
