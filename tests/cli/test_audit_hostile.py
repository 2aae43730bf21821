"""Records of odd shapes: whoever reads them is told what stands there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.service.audit import Audit
from engine.service.laid import Laid
from tests.cli.calling import call

TIME = "2026-01-01T00:00:00.000000Z"
HUGE = 10**30
ODD = {
    "a number above 64 bits": f'"arguments":{{"account":{HUGE}}}',
    "a number that is no float": f'"evaluated_in":{10**400}',
    "a time that nobody waits": f'"kind":"review","act":"approved","waited":{10**400}',
    "what is nested deeply": f'"arguments":{"[" * 400}{"]" * 400}',
}


def kept(root: Path, fields: str) -> Path:
    """Return the folder of a trail with a record that has these *fields*."""
    audit = Audit(root / "audit", root / "audit.key", "deny", name="x", time=lambda: TIME)
    for number in range(2):
        more = fields if number else '"stage":"request"'
        line = f'{{"decision_id":"d1","review_id":"v1","time":"{TIME}",{more}'
        line += "}" if '"kind"' in more else ',"kind":"decision"}'
        audit.write(Laid(TIME, "d1", line.encode()))
    audit.close()
    return root / "audit"


@pytest.mark.parametrize("fields", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize(
    "verb",
    ["tail", "query", "show d1", "stats --scan", "verify", "report d1", "report --review v1"],
)
def test_odd_records_end_no_reader(tmp_path: Path, fields: str, verb: str) -> None:
    folder = kept(tmp_path, fields)
    for form in ((), ("--json",)):
        result = call("audit", *verb.split(), "--folder", folder, *form)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert result.exit_code == 0
        if form:
            assert all(json.loads(line) for line in told(result.stdout, verb))


def told(text: str, verb: str) -> list[str]:
    """Return the documents that are printed."""
    return [text] if verb.startswith("report") else text.splitlines()


def test_a_number_of_any_size_is_shown_as_it_is_kept(tmp_path: Path) -> None:
    folder = kept(tmp_path, ODD["a number above 64 bits"])
    for form in ((), ("--json",)):
        assert str(HUGE) in call("audit", "show", "d1", "--folder", folder, *form).stdout


def test_a_segment_that_says_a_huge_number_is_told_as_json_too(tmp_path: Path) -> None:
    folder = kept(tmp_path, ODD["a number above 64 bits"])
    path = next(folder.glob("*.seg"))
    path.write_bytes(path.read_bytes().replace(b'"first":0', f'"first":{HUGE}'.encode(), 1))
    result = call("audit", "verify", "--folder", folder, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"]
