from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.cli import state as verb
from engine.cli.state_text import describe_row, instant
from engine.runtime.keys import join_key
from engine.runtime.store import NANO, Take
from engine.runtime.throttle import FOREVER
from engine.service.audit import KEY, Audit
from engine.state.clock import SteadyClock
from engine.state.inspect import Row
from engine.state.lmdb import LmdbStore
from engine.storage.read import read_folder
from tests.cli.calling import call
from tests.daemon.running import daemon, decide
from tests.daemon.test_processes import QUICK, loaded
from tests.daemon.test_serve import until
from tests.service.bundle import write_folder

HOUR = 3600 * NANO
LIMITED = """\
policy door {
  default allow
  rule fair { then throttle 1000000 requests per 1d by tenant.id, user.id }
}
"""


def take(*values: object, rule: str = "p.r", amount: int = 30) -> Take:
    return Take(
        rule=rule,
        key=join_key((rule, "tokens", "", *values)),
        amount=amount * NANO,
        limit=60 * NANO,
        burst=60 * NANO,
        window=HOUR,
        unit="tokens",
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    store = LmdbStore(tmp_path / "state", map_size=2**20)
    now = SteadyClock(store.anchor).now()
    store.take([take("north", "u1"), take("south", "u2", amount=50)], now)
    store.take([take("x" * 400, rule="p.long", amount=40)], now, reservation="secret-id", hold=HOUR)
    store.take([take(7, rule="p.number", amount=1)], now)
    store.record("calls", join_key(["north"]), HOUR, now)
    store.label("north", "s\x1b1", "tainted", None, now)
    store.label("north", "s2", "for_ever", FOREVER, now)
    store.remember("north", "s2", {"7f3a": b"sealed-secret"}, now)
    store.close()
    return tmp_path


def test_people_see_how_much_of_what_lies_there(data: Path) -> None:
    result = call("state", "show", "--data", data)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0].startswith("file 1.0 MiB, ")
    assert lines[1:6] == [
        "buckets 4",
        "reservations 1",
        "meters 1",
        "sessions 2",
        "placeholders 1",
    ]
    assert lines[6].endswith("the wall clock")


def test_machines_see_it_too(data: Path) -> None:
    made = json.loads(call("state", "show", "--json", "--data", data).stdout)
    assert made["entries"]["bucket"] == 4
    assert made["entries"]["unreadable"] == 0
    assert made["file_bytes"] == made["map_bytes"] == 2**20
    assert abs(made["clock_ahead_seconds"]) < HOUR


def test_the_entries_of_a_tenant_are_shown(data: Path) -> None:
    result = call("state", "show", "--tenant", "north", "--data", data)
    bucket, session, other, meter, placeholder = result.stdout.splitlines()
    assert bucket.startswith('bucket   p.r "north" "u1": ')
    assert "tokens used, full again in" in bucket
    assert meter == 'meter    calls "north": 1 in 3,600 s'
    assert {session.partition(":")[0], other} == {
        "session  north s␛1",
        "session  north s2: for_ever until for ever",
    }
    assert placeholder.startswith("placeholder of north s2: until 2")


def test_a_long_key_is_said_to_be_one(data: Path) -> None:
    result = call("state", "show", "--rule", "p.long", "--data", data)
    assert result.stdout.startswith("bucket   p.long (long key): ")
    assert "x" * 20 not in result.stdout
    assert describe_row(Row(kind="session", place=b""), 0).startswith("session  (long key)")
    assert describe_row(Row(kind="unreadable", place=b""), 0) == "unreadable"
    never = Row(kind="bucket", place=b"", key="[]", name="r", until=FOREVER, window=1)
    assert describe_row(never, 0).endswith("full again never")
    assert instant(FOREVER) is None


def test_slots_say_how_many_are_held() -> None:
    row = Row(
        kind="bucket", place=b"", key="[]", name="r", unit="concurrent", used=3.0, until=90 * NANO
    )
    assert describe_row(row, 30 * NANO) == "bucket   r: 3 held, all free in 60 s"


def test_filters_that_nothing_fits_say_so(data: Path) -> None:
    assert call("state", "show", "--rule", "gone", "--data", data).stdout == "no entries\n"
    made = call("state", "show", "--rule", "gone", "--json", "--data", data).stdout
    assert json.loads(made) == []
    both = json.loads(call("state", "show", "--rule", "p.r", "--json", "--data", data).stdout)
    assert [row["values"] for row in both] == [["north", "u1"], ["south", "u2"]]


def test_very_many_entries_are_cut_for_people(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "MOST", 1)
    result = call("state", "show", "--rule", "p.r", "--data", data)
    assert result.stdout.endswith("and more; `engine state export` has all\n")


def test_the_most_used_come_first(data: Path) -> None:
    result = call("state", "top", "-n", "2", "--data", data)
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        'bucket   p.r "south" "u2"',
        "bucket   p.long (long key)",
        'meter    calls "north"',
    ]
    made = json.loads(call("state", "top", "-n", "1", "--json", "--data", data).stdout)
    assert [row["values"] for row in made["buckets"]] == [["south", "u2"]]
    assert [row["count"] for row in made["meters"]] == [1]


def test_sums_by_tenant(data: Path) -> None:
    lines = call("state", "top", "--by", "tenant", "--data", data).stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["south", "north", "7"]
    made = json.loads(call("state", "top", "--by", "tenant", "--json", "--data", data).stdout)
    assert [one["buckets"] for one in made] == [1, 1, 1]


def test_an_empty_state_is_fine(tmp_path: Path) -> None:
    LmdbStore(tmp_path / "state", map_size=2**20).close()
    assert call("state", "top", "--data", tmp_path).stdout == "no buckets and no meters\n"
    assert call("state", "top", "--by=tenant", "--data", tmp_path).stdout == "no buckets\n"
    assert call("state", "export", "--data", tmp_path).stdout == ""
    result = call("state", "reset", "--all", "--data", tmp_path)
    assert (result.stdout, result.exit_code) == ("nothing there to forget\n", 1)


def test_only_the_best_are_kept_of_very_many(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path / "state", map_size=2**22)
    now = SteadyClock(store.anchor).now()
    store.take([take(number, amount=number % 60) for number in range(1100)], now)
    store.close()
    made = json.loads(call("state", "top", "-n", "3", "--json", "--data", tmp_path).stdout)
    assert [row["values"][0] % 60 for row in made["buckets"]] == [59, 59, 59]


# --- reset ---------------------------------------------------------------------------------------


def names(data: Path) -> list[str]:
    lines = call("state", "export", "--data", data).stdout.splitlines()
    return [row.get("name", row["kind"]) for row in map(json.loads, lines)]


def test_a_reset_asks_and_forgets_what_was_named(data: Path) -> None:
    reset = ("state", "reset", "--rule", "p.r", "--data", data)
    tried = call(*reset, "--dry-run")
    assert (tried.stdout, tried.exit_code) == ("would forget 2 bucket\n", 0)
    for answer in ("n\n", ""):
        refused = call(*reset, given=answer)
        assert refused.exit_code == 1
        assert refused.stdout.endswith("nothing was forgotten\n")
    assert names(data).count("p.r") == 2
    done = call(*reset, given="y\n")
    assert (done.exit_code, "forgot 2 of 2: 2 bucket" in done.stdout) == (0, True)
    assert "p.r" not in names(data)
    assert "p.number" in names(data)


def test_a_reset_is_recorded_where_a_trail_is_kept(data: Path) -> None:
    trail = data / "elsewhere"
    Audit(trail, data / KEY, "deny", name="north.example/a", time=lambda: "2026").close()
    assert call("state", "reset", "--data", data, "--rule", "p.r", "--yes").exit_code == 0
    reset = ("state", "reset", "--data", data, "--all", "--yes", "--trail", trail)
    assert call(*reset).exit_code == 0
    [line] = [json.loads(one.payload) for one in read_folder(trail)]
    assert (line["kind"], line["act"], line["what"]) == ("admin", "state_reset", {"forgotten": 7})


def test_a_reset_that_cannot_be_recorded_is_told(data: Path) -> None:
    Audit(data / "audit", data / KEY, "deny", name="north.example/a", time=lambda: "2026").close()
    (data / KEY).unlink()
    result = call("state", "reset", "--data", data, "--rule", "p.r", "--yes")
    assert (result.exit_code, "it is not recorded" in result.stderr) == (2, True)


def test_a_session_a_key_and_everything_can_be_reset(data: Path) -> None:
    session = call("state", "reset", "--session", "north", "s2", "--yes", "--data", data)
    assert session.stdout == "forgot 2 of 2: 1 placeholder, 1 session\n"
    key = call("state", "reset", "--key", take(7, rule="p.number").key, "--yes", "--data", data)
    assert key.stdout == "forgot 1 of 1: 1 bucket\n"
    tenant = call("state", "reset", "--tenant", "north", "--yes", "--data", data)
    assert tenant.stdout == "forgot 3 of 3: 1 bucket, 1 meter, 1 session\n"
    assert call("state", "reset", "--all", "--yes", "--data", data).exit_code == 0
    assert names(data) == []


@pytest.mark.parametrize("named", [(), ("--all", "--rule", "p.r")])
def test_what_to_reset_must_be_named(data: Path, named: tuple[str, ...]) -> None:
    result = call("state", "reset", *named, "--yes", "--data", data)
    assert result.exit_code == 2
    assert "name what to reset" in result.stderr


# --- export --------------------------------------------------------------------------------------


def test_every_entry_is_exported_without_a_secret(data: Path, tmp_path: Path) -> None:
    result = call("state", "export", "--data", data)
    assert len(result.stdout.splitlines()) == 9
    assert "secret" not in result.stdout
    assert "7f3a" not in result.stdout
    file = tmp_path / "out.csv"
    written = call("state", "export", "--format", "csv", "-o", file, "--data", data)
    assert (written.stdout, written.exit_code) == ("", 0)
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 9
    assert [row["values"] for row in rows if row["name"] == "p.r"] == [
        '["north","u1"]',
        '["south","u2"]',
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no state in"),
        (b"", "there is no state in"),
        (b"something else " * 1000, "is damaged or no state file"),
    ],
)
def test_what_is_no_state_gets_a_sentence(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state/state.mdb").write_bytes(content)
    for command in ("show", "top", "export"):
        result = call("state", command, "--data", tmp_path)
        assert (result.stdout, result.exit_code) == ("", 2)
        assert told in result.stderr


def test_a_folder_that_is_not_there_and_a_file_that_cannot_be_written(data: Path) -> None:
    assert "there is no folder" in call("state", "show", "--data", data / "gone").stderr
    result = call("state", "export", "--data", data, "-o", data / "gone/out")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
    assert call("state", "show", "--data", "a\0b").exit_code == 2


# --- beside a daemon -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_running_daemon_is_looked_into_and_reset_under_load(tmp_path: Path) -> None:
    write_folder(tmp_path / "policies", {"door.pol": LIMITED})
    data = ("--data", tmp_path / "data")
    with daemon(tmp_path, *QUICK) as running:
        with loaded(running.address) as load:
            until(lambda: len(load.answers) > 100)
            top = json.loads(call("state", "top", "--json", *data).stdout)["buckets"]
            assert [row["values"] for row in top] == [["north", "u1"]]
            assert top[0]["used"] > 50
            before = len(load.answers)
            assert call("state", "reset", "--rule", "door.fair", "--yes", *data).exit_code == 0
            asked = len(load.answers)
            until(lambda: len(load.answers) > asked + 20)
        assert load.failures == []
        decide(running.address)
        (row,) = json.loads(call("state", "show", "--rule=door.fair", "--json", *data).stdout)
        assert 20 <= row["used"] <= len(load.answers) + 1 - before + 1
        assert running.stop() == 0


SECRET = 2**48 - 12_345


def test_what_a_session_has_read_is_told_by_number_and_forgotten_with_it(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path / "state", map_size=2**20)
    now = SteadyClock(store.anchor).now()
    store.note("north", "s3", "untrusted", frozenset({SECRET, 22, 33}), FOREVER, now)
    store.note("north", "s3", "", frozenset({44}), None, now)
    store.turn("north", "s3", now, advance=True)
    store.turn("north", "s3", now, advance=True)
    store.close()
    overview = call("state", "show", "--data", tmp_path).stdout
    assert [" ".join(line.split()) for line in overview.splitlines()][6:9] == [
        "sources 1",
        "prints 2",
        "turns 1",
    ]
    prints, others, source, turns = call(
        "state", "show", "--tenant", "north", "--data", tmp_path
    ).stdout.splitlines()
    assert {prints, others} == {"prints   north s3: 3", "prints   north s3: 1"}
    assert source.startswith("source   north s3: 4 fingerprints, the user until 2")
    assert source.endswith(", untrusted until for ever")
    assert turns == "turns    north s3: 2"
    rows = json.loads(
        call("state", "show", "--tenant", "north", "--json", "--data", tmp_path).stdout
    )
    assert [(row["kind"], row["count"]) for row in rows] == [
        ("print", 3),
        ("print", 1),
        ("source", 4),
        ("turn", 2),
    ]
    assert rows[2]["labels"]["untrusted"] is None
    exported = call("state", "export", "--format", "csv", "--data", tmp_path).stdout
    assert "untrusted" in exported
    assert str(SECRET) not in exported
    forgotten = call("state", "reset", "--session", "north", "s3", "--yes", "--data", tmp_path)
    assert forgotten.stdout == "forgot 4 of 4: 2 print, 1 source, 1 turn\n"
