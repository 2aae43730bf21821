"""What is told of a sink."""

from __future__ import annotations

import io
from pathlib import Path

from engine.daemon.logs import open_log
from engine.daemon.shipper_log import OTHER, Teller
from engine.sinks.status import Status, read_status
from tests.daemon.test_shipping import Yard


def test_a_notice_that_could_not_be_written_is_written_when_there_is_room(tmp_path: Path) -> None:
    route = Yard(tmp_path).route()
    teller = Teller(route, tmp_path, open_log("error", "json", io.StringIO()), lambda: 0.0)
    (tmp_path / "shipped").mkdir()
    route.shipment.tally.trouble = "it is away"
    teller.look()
    in_the_way = tmp_path / "shipped" / "lake.status-new"
    in_the_way.mkdir()
    route.shipment.tally.trouble = ""
    teller.look()
    assert read_status(tmp_path, "lake").trouble == "it is away"
    in_the_way.rmdir()
    teller.look()
    assert read_status(tmp_path, "lake") == Status()


def test_who_waits_for_another_daemon_to_end_leaves_the_notice_to_that_one(tmp_path: Path) -> None:
    (tmp_path / "shipped").mkdir()
    waits, ships = Yard(tmp_path).route(), Yard(tmp_path).route()
    tellers = [
        Teller(one, tmp_path, open_log("error", "json", io.StringIO()), lambda: 0.0)
        for one in (ships, waits)
    ]
    ships.shipment.tally.trouble = "it is away"
    waits.shipment.tally.trouble = OTHER
    for teller in tellers:
        teller.look()
    assert read_status(tmp_path, "lake").trouble == "it is away"
    waits.shipment.tally.trouble = ""  # The other one has ended.
    tellers[1].look()
    assert read_status(tmp_path, "lake") == Status()
