"""What a verb does not need is not imported for it: gRPC, settings and policies take long."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.cli import audit_options, reviews_file
from engine.daemon import places
from engine.language import schema

LONG = (
    "grpc",
    "prometheus_client",
    "cryptography.x509",
    "engine.daemon",
    "engine.language.program",
)
ASKED = """
import sys
from engine.cli.main import group
try:
    group.main(sys.argv[2:], standalone_mode=False)
except SystemExit as left:
    assert left.code == 2, left.code
print(*(name for name in sys.argv[1].split() if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "verb",
    [
        "reviews list --data {none}",
        "reviews show x --data {none}",
        "reviews approve x --data {none}",
        "reviews edit x --data {none} --content y",
        "reviews stats --data {none}",
        "reviews --help",
        "audit tail --folder {none}",
        "audit query --folder {none} --stage request",
        "audit show x --folder {none}",
        "--help",
    ],
)
def test_who_looks_at_a_folder_waits_for_no_import_that_is_not_needed(
    tmp_path: object, verb: str
) -> None:
    arguments = verb.format(none=f"{tmp_path}/none").split()
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", ASKED, " ".join(LONG), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == ""


def test_what_is_said_again_for_the_sake_of_that_is_the_same() -> None:
    assert reviews_file.REVIEWS == places.REVIEWS
    assert ", ".join(schema.STAGES.words) == audit_options.STAGES
