"""How fast is the audit trail shipped, and what of that is reading, forming and sending?

    python bench/bench_sinks.py [--records 100000] [--json]

A real trail is shipped by the daemon's own code, cursors and all, to a sink that only takes, to a
file, over HTTP to a server in another process, and to a nats-server with JetStream where there is
one. Figures are CPU time of this process a record, so that they do not count the other side, and
records a second on the wall. *read* is the trail followed and nothing done with it.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parent.parent))

import nats

from bench.bench_audit_read import write
from bench.goals import Goal, Result, Row, show
from engine.daemon.settings_sinks import read_sinks
from engine.daemon.shipped import Shipped
from engine.daemon.shipping import Ground, Route
from engine.daemon.signed import Signed
from engine.daemon.sinks import open_sink
from engine.sinks.batch import Batch
from engine.sinks.cursor import FOLDER
from engine.sinks.ship import Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Outcome, Sink
from engine.storage.follow import Place, follow, list_trails

SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Nothing:
    """A sink that takes everything."""

    async def send(self, batch: Batch) -> Outcome:
        """Take it."""
        del batch
        return TAKEN

    async def close(self) -> None:
        """Do nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="sinks-"))
    try:
        result = measure(folder, options.records)
    finally:
        shutil.rmtree(folder)
    show(result, as_json=options.json)
    return 0


def measure(folder: Path, records: int) -> Result:
    """Return all figures."""
    trail = folder / "trail"
    trail.mkdir()
    write(trail, records)
    rows: list[Row] = [read(trail, records)]
    plain = {"kind": "file", "folder": str(folder / "copy"), "rotate_megabytes": 1024}
    rows += [
        shipped(trail, f"taken, {form}", {**plain, "form": form}, records, Nothing())
        for form in ("jsonl", "opa", "cloudevents", "ocsf")
    ]
    rows.append(shipped(trail, "file, synced batch by batch", plain, records))
    with served([sys.executable, "-c", SERVER]) as port:
        url = f"http://127.0.0.1:{port}/"
        rows.append(shipped(trail, "http, gzip", {"kind": "http", "url": url}, records))
        otlp = {"kind": "otlp", "url": url}
        rows.append(shipped(trail, "otlp, gzip", otlp, records))
    absent = []
    program = shutil.which("nats-server")
    if program is None:
        absent.append("nats-server")
    else:
        with served([program, "-js", "-sd", str(folder / "nats"), "-a", "127.0.0.1", "-p"]) as port:
            asyncio.run(make_stream(port))
            table = {"kind": "nats", "servers": [f"nats://127.0.0.1:{port}"], "subject": "audit"}
            rows.append(shipped(trail, "nats, each acknowledged", table, records))
    figures = {str(row["what"]): float(row["us a record"] or 0) for row in rows}
    rates = {str(row["what"]): float(row["records/s"] or 0) for row in rows}
    goals = [
        Goal("to a file, records/s", rates["file, synced batch by batch"], 20_000, "higher"),
        Goal(
            "shipping without the sink, against reading the trail",
            figures["taken, jsonl"] / figures["read"],
            6.0,
        ),
    ]
    return Result({f"{records:,} records": rows}, goals, absent)


def read(trail: Path, records: int) -> Row:
    """Return what following the trail costs."""
    begun, start = perf_counter(), process_time()
    count = 0
    for name, segments in list_trails(trail).items():
        count += sum(1 for _ in follow(trail, name, Place(), segments))
    return row("read", records, process_time() - start, perf_counter() - begun, count)


def shipped(
    trail: Path, what: str, table: Mapping[str, object], records: int, sink: Sink | None = None
) -> Row:
    """Return what shipping the trail costs."""
    shutil.rmtree(trail / FOLDER, ignore_errors=True)
    (one,) = read_sinks([{"name": "bench", "checkpoints": False, **table}])
    shipment = Shipment(
        sink or open_sink(one), Dead(trail / "dead"), Pauses(), asyncio.sleep, lambda: 1.0
    )
    ground = Ground(trail, Signed(trail), lambda _: None, lambda: "", time.monotonic, "2020")
    route = Route(one, shipment, ground, Shipped())

    async def go() -> None:
        stop = asyncio.Event()
        stop.set()
        await route.run(stop)
        await shipment.sink.close()

    begun, start = perf_counter(), process_time()
    asyncio.run(go())
    spent = process_time() - start
    return row(what, records, spent, perf_counter() - begun, shipment.tally.sent)


def row(what: str, records: int, spent: float, wall: float, count: int) -> dict[str, str | float]:
    """Return a row; leave with 1 when not all was shipped."""
    if count != records:
        sys.exit(f"{what}: {count} of {records} records")
    return {"what": what, "us a record": spent / records * 1e6, "records/s": records / wall}


async def make_stream(port: int) -> None:
    """Make the stream."""
    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    await connection.jetstream().add_stream(name="AUDIT", subjects=["audit"])
    await connection.close()


@contextmanager
def served(command: list[str]) -> Iterator[int]:
    """Run the server that *command* and a port behind it start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
