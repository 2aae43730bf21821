"""The workload's rules for Cerbos, and its server beside ours: gRPC and REST.

Each tenant has a policy of its own, whose scope it is: so Cerbos looks at ten rules a decision,
however many there are. What it answers is the effect; ours tells the rules too. The server comes
from the npm package ``cerbos`` (``make .venv/.peers``), from PATH, or from ``ENGINE_BENCH_CERBOS``.
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
from typing import Any

import grpc

from bench.load.cerbos_wire import check_request, effect_of
from bench.load.daemons import Running
from bench.load.machine import SERVER, pinned
from bench.load.ports import free_port, wait_listening
from bench.load.requests import Expected, attributes
from bench.workloads import Rule, Workload

ROOT = Path(__file__).parent.parent.parent
CHECK = "/cerbos.svc.v1.CerbosService/CheckResources"
REST = "/api/check/resources"
NAMES = re.compile(r"\b(stage|tool|user|tenant|session|context)\b")
ABSENT = "Cerbos: `make .venv/.peers` fetches it from npm; or put `cerbos` on PATH"
PATIENCE = 30.0
ALLOW, DENY = 1, 2


def find() -> str | None:
    """Return the server's binary."""
    named = os.environ.get("ENGINE_BENCH_CERBOS")
    kept = ROOT / ".venv/peers/node_modules/@cerbos"
    shipped = sorted(kept.glob("cerbos-linux-*/cerbos-linux-*"))
    return named or shutil.which("cerbos") or (str(shipped[0]) if shipped else None)


def policy_of(tenant: str, rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the policy of one tenant; "" for what all scopes have above them."""
    made: list[dict[str, Any]] = [
        {
            "name": rule.name,
            "actions": ["decide"],
            "effect": "EFFECT_DENY",
            "roles": ["*"],
            "condition": {"match": {"expr": NAMES.sub(r"R.attr.\1", rule.cel)}},
        }
        for rule in rules
    ]
    made.append({"actions": ["decide"], "effect": "EFFECT_ALLOW", "roles": ["*"]})
    policy: dict[str, Any] = {"version": "default", "resource": "content", "rules": made}
    if tenant:
        policy["scope"] = tenant
    return {"apiVersion": "api.cerbos.dev/v1", "resourcePolicy": policy}


def write_policies(folder: Path, workload: Workload) -> None:
    """Write a policy for each tenant."""
    folder.mkdir(parents=True)
    tenants: dict[str, list[Rule]] = {"": [], **workload.tenants}
    for tenant, rules in tenants.items():
        path = folder / f"{tenant or 'root'}.json"
        path.write_text(json.dumps(policy_of(tenant, rules)), encoding="utf-8")


def grpc_bodies(workload: Workload) -> list[bytes]:
    """Return the requests for gRPC."""
    return [
        check_request(one["user"], one["tenant"]["id"], attributes(one))
        for one in workload.requests
    ]


def rest_bodies(workload: Workload) -> list[bytes]:
    """Return the requests for REST."""
    return [
        json.dumps(
            {
                "requestId": "r",
                "principal": {"id": one["user"]["id"], "roles": one["user"]["roles"]},
                "resources": [
                    {
                        "actions": ["decide"],
                        "resource": {
                            "kind": "content",
                            "id": "c",
                            "scope": one["tenant"]["id"],
                            "attr": attributes(one),
                        },
                    }
                ],
            }
        ).encode()
        for one in workload.requests
    ]


def grpc_proofs(expected: Sequence[Expected]) -> list[list[bytes]]:
    """Return what each answer must hold: the effect of the one action."""
    effects = {"allow": ALLOW, "deny": DENY}
    return [[b"\n\x06decide\x10" + bytes((effects[action],))] for action, _ in expected]


def rest_proofs(expected: Sequence[Expected]) -> list[list[bytes]]:
    """Return the same for REST."""
    return [[f'"decide":"EFFECT_{action.upper()}"'.encode()] for action, _ in expected]


@contextmanager
def server(place: Path, binary: str, workload: Workload) -> Iterator[tuple[Running, str]]:
    """Yield the server with the workload's rules, and the address of its REST interface."""
    write_policies(place / "policies", workload)
    ports = free_port(), free_port()
    config = {
        "server": {
            "grpcListenAddr": f"127.0.0.1:{ports[0]}",
            "httpListenAddr": f"127.0.0.1:{ports[1]}",
        },
        "storage": {
            "driver": "disk",
            "disk": {"directory": str(place / "policies"), "watchForChanges": False},
        },
        "audit": {"enabled": False},
        "telemetry": {"disabled": True},
    }
    path = place / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [*pinned(SERVER), binary, "server", f"--config={path}", "--log-level=error"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_listening(process, ports[0])
        yield Running(process, f"127.0.0.1:{ports[0]}"), f"127.0.0.1:{ports[1]}"
    finally:
        process.terminate()
        process.communicate()


def look(address: str, bodies: Sequence[bytes]) -> list[str]:
    """Return the actions that it answers, asked one after another."""
    names = {ALLOW: "allow", DENY: "deny"}
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(CHECK, None, None)
        return [names.get(effect_of(call(one, timeout=PATIENCE)), "?") for one in bodies]
