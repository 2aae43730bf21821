"""Coverage-guided fuzzing of the HTTP/2 connection and the gRPC calls on it.

    python -m tests.doors.http2.fuzz_connection [--seconds 60] [--finds FOLDER] [corpus folder]

Needs atheris (dependency group "fuzz"). What it finds is written to the folder of finds: make a
case of `test_fuzz` of it. Without a corpus folder what is learned is forgotten at the end.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

MODULES = (
    "engine.doors.http2.connection",
    "engine.doors.http2.control",
    "engine.doors.http2.fields",
    "engine.doors.http2.frames",
    "engine.doors.http2.limits",
    "engine.doors.http2.messages",
    "engine.doors.http2.requests",
    "engine.doors.http2.sending",
    "engine.doors.http2.stream",
    "engine.doors.grpc.lean_call",
    "engine.doors.grpc.lean_head",
    "engine.doors.grpc.lean_heard",
    "engine.doors.grpc.lean_messages",
    "engine.doors.grpc.lean_server",
)
LONGEST = 1_000


def main() -> None:
    """Search until time is over, or something is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--finds", type=Path, default=Path(tempfile.gettempdir()))
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.exit("atheris is not installed: pip install --group fuzz")
    atheris: Any = importlib.import_module("atheris")
    logging.disable()
    with atheris.instrument_imports(include=list(MODULES), enable_loader_override=False):
        target = importlib.import_module("tests.doors.http2.fuzz_target")
    seeds = importlib.import_module("tests.doors.http2.test_fuzz")
    with tempfile.TemporaryDirectory() as scratch:
        corpus = given.corpus or Path(scratch, "corpus")
        corpus.mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.SEEDS.items():
            Path(corpus, name).write_bytes(seed)
        options = [f"-max_total_time={given.seconds}", f"-max_len={LONGEST}", "-timeout=20"]
        options += [
            f"-artifact_prefix={given.finds}/",
            "-print_final_stats=1",
            "-rss_limit_mb=1500",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], target.play)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
