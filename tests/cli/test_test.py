from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from xml.etree import ElementTree as ET

import pytest

from engine.cli.bundle import Selection
from engine.cli.test_run import Choice, Part, load_and_run, run_bundle
from tests.cli.calling import BROKEN, DOOR, DOOR_TEST, call, folder

WRONG = """\
package desk
test "this one is wrong" {
  given { tenant.id: "north", user.id: "u1", stage: "request", content: "forbidden" }
  expect allow
}
"""
FILES = {"door.pol": DOOR, "door_test.pol": DOOR_TEST}
MANY = "\n".join(f'test "number {number}" {{ given guest expect allow }}' for number in range(120))


def test_what_passes_is_counted(tmp_path: Path) -> None:
    result = call("test", folder(tmp_path))
    assert re.fullmatch(
        r"3 tests, 1 property, \d+ decisions in \d+\.\d\d s: all passed\n", result.stdout
    )
    assert result.exit_code == 0


def test_a_failure_shows_the_request_why_and_the_nearest_miss(tmp_path: Path) -> None:
    root = folder(tmp_path, FILES | {"wrong_test.pol": WRONG})
    result = call("test", root)
    assert (
        f"FAIL test this one is wrong\n  {root}/wrong_test.pol:4:3: expected allow, but the "
        "decision is deny by desk.door.no_word (that word is not spoken here)\n"
        '    request: {"tenant":{"id":"north"}'
    ) in result.stdout
    assert '        when content contains "forbidden" is true' in result.stdout
    assert "would have been allow (desk.door.no_word) if not content contains" in result.stdout
    assert result.stdout.endswith("1 failed\n")
    assert result.exit_code == 1


def test_names_and_files_choose_tests(tmp_path: Path) -> None:
    root = folder(tmp_path, FILES | {"wrong_test.pol": WRONG})
    assert call("test", root, "-k", "LARGE").stdout.startswith("1 test, 0 properties, ")
    assert call("test", root, "-k", "stays_out").stdout.startswith("0 tests, 1 property, ")
    assert call("test", root / "door_test.pol").exit_code == 0
    assert call("test", root / "wrong_test.pol").stdout.endswith("1 failed\n")


def test_nothing_to_run_is_a_finding(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two", {"door.pol": DOOR})
    result = call("test", one, "-k", "nonsense")
    assert result.stdout == "there is no test with `nonsense` in its name\n"
    assert result.exit_code == 1
    assert call("test", two).stdout == "there is no test\n"
    assert call("test", one, two).exit_code == 0


def test_the_first_failure_can_stop_it(tmp_path: Path) -> None:
    twice = {"a_test.pol": WRONG, "b_test.pol": WRONG.replace("this", "that")}
    one = folder(tmp_path / "one", FILES | twice)
    assert call("test", one).stdout.endswith("2 failed\n")
    stopped = call("test", one, folder(tmp_path / "two"), "-x").stdout
    assert stopped.count("FAIL") == 1
    assert "1 property" not in stopped


def test_coverage_names_what_no_test_covers(tmp_path: Path) -> None:
    full = call("test", folder(tmp_path / "full"), "--coverage", "--fail-under", "100")
    assert full.stdout.startswith("coverage 100.0 %: 3 of 3 rules, 10 of 10 outcomes")
    assert full.exit_code == 0
    root = folder(tmp_path / "part")
    part = call("test", root, "-k", "large", "--coverage")
    assert f"  {root}/door.pol:9:3: rule desk.door.no_word never matched\n" in part.stdout
    assert re.search(rf"  {root}/door\.pol:10:10: `.+` was never true\n", part.stdout)
    assert part.exit_code == 0
    low = call("test", root, "-k", "large", "--fail-under", "99.5")
    assert re.search(r": coverage \d\d\.\d % is under 99\.5 %\n", low.stderr)
    assert low.exit_code == 1
    assert call("test", root, "--fail-under", "nan").exit_code == 1


def test_machines_get_json(tmp_path: Path) -> None:
    root = folder(tmp_path, FILES | {"wrong_test.pol": WRONG})
    result = call("test", root, "--json")
    made = json.loads(result.stdout)[str(root)]
    assert made["passed"] is False
    assert {one["name"]: one["passed"] for one in made["results"]}["mail"] is True
    (failure,) = next(one["failures"] for one in made["results"] if not one["passed"])
    assert failure["decision"]["action"] == "deny"
    assert failure["request"]["content"] == "forbidden"
    assert failure["file"] == f"{root}/wrong_test.pol"
    assert made["coverage"] is None
    assert result.exit_code == 1
    measured = json.loads(call("test", root, "--json", "--coverage").stdout)[str(root)]["coverage"]
    assert measured["rules"] == {"total": 3, "matched": 3}
    assert (measured["percent"], measured["gaps"]) == (100.0, [])


def test_build_servers_get_junit(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", FILES | {"wrong_test.pol": WRONG})
    file = tmp_path / "report.xml"
    assert call("test", root, "--junit", file).exit_code == 1
    suite = ET.parse(file).getroot()[0]  # noqa: S314  made by the engine itself
    assert (suite.get("tests"), suite.get("failures")) == ("5", "1")
    (failed,) = (case for case in suite if len(case))
    assert failed.get("name") == "this one is wrong"
    assert failed[0].get("message", "").startswith("expected allow")
    missing = call("test", root, "--junit", tmp_path / "no/such.xml")
    assert "cannot write" in missing.stderr
    assert missing.exit_code == 2


def test_policies_that_do_not_check_are_shown_and_exit_with_two(tmp_path: Path) -> None:
    root = folder(tmp_path, {"broken.pol": BROKEN})
    result = call("test", root)
    assert f"{root}/broken.pol:1:45: error[E201]" in result.stderr
    assert result.exit_code == 2
    assert call("test", tmp_path / "gone").exit_code == 2


def test_the_seed_chooses_the_requests_of_properties(tmp_path: Path) -> None:
    law = "property rare { never redact when user.id is present }".replace(" is present", ' != "x"')
    text = f"policy p {{ default allow rule r {{ then redact pii.email }} }}\n{law}\n"
    root = folder(tmp_path, {"p.pol": text})
    first = call("test", root, "--seed", "1", "--json").stdout
    again = call("test", root, "--seed", "1", "--json").stdout
    timed = re.compile(r'"seconds":[0-9.e-]+')
    assert timed.sub("", first) == timed.sub("", again)
    assert "is broken" in call("test", root, "--seed", "2").stdout


@pytest.mark.slow
def test_several_processes_find_the_same(tmp_path: Path) -> None:
    root = folder(tmp_path, {"door.pol": DOOR, "door_test.pol": DOOR_TEST + MANY + WRONG[13:]})
    one, two = (
        re.sub(r" in \d.* s:", "", call("test", root, "-j", jobs, "--coverage").stdout)
        for jobs in ("1", "2")
    )
    assert one == two
    assert "124 tests" in one


def test_a_process_runs_its_share(tmp_path: Path) -> None:
    root = folder(tmp_path)
    results, coverage = load_and_run(Part(root, (1,), (), Choice()))
    assert [one.name for one in results] == ["large amounts"]
    assert coverage.matched == {"desk.door.large"}


def test_without_coverage_nothing_is_measured(tmp_path: Path) -> None:
    outcome = run_bundle(Selection(folder(tmp_path)), Choice(watched=False))
    assert outcome.summary.rules_matched == 0


# What runs in the background of a shell ignores interrupts, and so do its children.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from engine.cli.main import main
main()
"""


def heard(lines: SimpleQueue[str], pattern: str, patience: float) -> bool:
    """Return whether a line with *pattern* comes before none has come for *patience* seconds."""
    try:
        while not re.search(pattern, lines.get(timeout=patience)):
            pass
    except Empty:
        return False
    return True


@pytest.mark.slow
def test_watching_runs_again_after_a_change(tmp_path: Path) -> None:
    root = folder(tmp_path)
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", INTERRUPTIBLE, "test", str(root), "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    with process:
        assert process.stdout is not None
        lines: SimpleQueue[str] = SimpleQueue()
        listener = Thread(
            target=lambda output: deque(map(lines.put, output), 0), args=[process.stdout]
        )
        listener.start()
        assert heard(lines, "all passed", 60)
        # The watch begins some time after the first run: write until it has seen it.
        while not heard(lines, "1 failed", 0.3):
            (root / "wrong_test.pol").write_text(WRONG)
        process.send_signal(signal.SIGINT)
        listener.join()
        assert not heard(lines, "Aborted", 0)
        # The interrupt may come before or after the run has its code; it is never a crash.
        assert process.wait(60) in {0, 1}
