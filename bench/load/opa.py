"""The workload's rules for OPA, and its server beside ours: REST.

Each rule begins with an equality on the tenant, which OPA's index looks up: so it too looks at ten
rules a decision, however many there are. Its answer, as ours, is the rules that deny. No package
registry has OPA's server: it must be on PATH, or named by ``ENGINE_BENCH_OPA``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from bench.load.daemons import Running
from bench.load.machine import SERVER, pinned
from bench.load.ports import free_port, wait_listening
from bench.load.requests import Expected, attributes
from bench.workloads import Rule, Workload

REST = "/v1/data/bench/deny"
NAMES = re.compile(r"\b(stage|tool|user|tenant|session|context)\b")
EXISTS = re.compile(r"^(\S+)\.exists\(t, t in \[(.*)\]\)$")
ABSENT = (
    "OPA: its server is in no package registry; put `opa` on PATH or name it in ENGINE_BENCH_OPA"
)
PATIENCE = 30.0


def find() -> str | None:
    """Return the server's binary."""
    return os.environ.get("ENGINE_BENCH_OPA") or shutil.which("opa")


def condition(cel: str) -> str:
    """Return one condition, as the workload has it for CEL, in Rego."""
    if cel.startswith("!("):
        return f"not {condition(cel[2:-1])}"
    if some := EXISTS.match(cel):
        return f"some t in input.{some[1]}; t in {{{some[2]}}}"
    return NAMES.sub(r"input.\1", cel).replace("[", "{").replace("]", "}")


def rule_text(rule: Rule) -> str:
    """Return a rule in Rego."""
    parts = [f'input.tenant.id == "{rule.tenant}"', *map(condition, rule.cel.split(" && "))]
    return f'deny contains "{rule.full_name}" if {{ {"; ".join(parts)} }}'


def module_text(workload: Workload) -> str:
    """Return all rules as one module."""
    head = ["package bench", "", "import rego.v1", ""]
    return "\n".join([*head, *map(rule_text, workload.rules), ""])


def bodies(workload: Workload) -> list[bytes]:
    """Return the requests."""
    return [json.dumps({"input": attributes(one)}).encode() for one in workload.requests]


def proofs(expected: Sequence[Expected]) -> list[list[bytes]]:
    """Return what each answer must hold: the names of the rules that deny, in order."""
    made = (json.dumps(list(names), separators=(",", ":")) for _, names in denied(expected))
    return [[f'"result":{one}'.encode()] for one in made]


def denied(expected: Sequence[Expected]) -> list[Expected]:
    """Return what is expected without the policies' defaults, which OPA's rules do not have."""
    return [(action, names if action == "deny" else ()) for action, names in expected]


@contextmanager
def server(place: Path, binary: str, workload: Workload) -> Iterator[Running]:
    """Yield the server with the workload's rules."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / "bench.rego"
    path.write_text(module_text(workload), encoding="utf-8")
    port = free_port()
    command = [binary, "run", "--server", f"--addr=127.0.0.1:{port}", "--log-level=error"]
    command += ["--disable-telemetry", str(path)]
    process = subprocess.Popen([*pinned(SERVER), *command], stdout=subprocess.PIPE, text=True)
    try:
        wait_listening(process, port)
        yield Running(process, f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.communicate()


def look(address: str, asked: Sequence[bytes]) -> list[tuple[str, ...]]:
    """Return the rules that deny, for each request, asked one after another."""
    found = []
    for body in asked:
        request = Request(f"http://{address}{REST}", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=PATIENCE) as answer:
            found.append(tuple(json.loads(answer.read())["result"]))
    return found
