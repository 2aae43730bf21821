"""Other people's clients ask the real daemon over either transport; who is missing is skipped."""

from __future__ import annotations

import asyncio
import fcntl
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status

from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, Running, daemon
from tests.doors.grpc.authority import Authority
from tests.ports import free_port
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CLIENT = HERE.parents[2] / "clients/typescript"
AUTHORITY = Authority()
PATH = "/engine.v1.PolicyEngine/Decide"
REQUEST = wire.DecideRequest(
    tenant_id="north", user_id="u1", stage=wire.STAGE_REQUEST, content="hello"
).SerializeToString()
FRAMED = b"\0" + len(REQUEST).to_bytes(4) + REQUEST
GRPC = ("-H", "content-type: application/grpc", "-H", "te: trailers")


@pytest.fixture(scope="module")
def many(transport: str) -> int:
    """Return how many calls are made at once: grpcio's server cancels what is beyond a thousand."""
    return 2000 if transport == "lean" else 500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("real")
    write_folder(made / "policies", {"door.pol": "policy door { default allow }"})
    AUTHORITY.issue().write(made, AUTHORITY.root)
    client = AUTHORITY.issue("gateway")
    (made / "client.crt").write_bytes(client.certificate)
    (made / "client.key").write_bytes(client.key)
    (made / "request.bin").write_bytes(REQUEST)
    (made / "framed.bin").write_bytes(FRAMED)
    return made


def flags(transport: str, *settings: str) -> tuple[str, ...]:
    common = (
        "grpc.listen=127.0.0.1:0",
        f"grpc.transport={transport}",
        "metrics.listen=",
        "drain_seconds=5",
        "limits.message_bytes=1048576",
    )
    return tuple(part for one in (*common, *settings) for part in ("--set", one))


@pytest.fixture(scope="module")
def plain(folder: Path, transport: str) -> Iterator[Running]:
    with daemon(folder, *flags(transport, "grpc.socket=s", "data=plain")) as running:
        yield running
        assert "ERROR" not in running.log()
        assert running.stop() == 0


@pytest.fixture(scope="module")
def secured(folder: Path, transport: str) -> Iterator[Running]:
    files = ("certificate_file=tls.crt", "key_file=tls.key", "client_ca_file=ca.crt")
    settings = ("data=secured", *(f"grpc.tls.{one}" for one in files))
    with daemon(folder, *flags(transport, *settings)) as running:
        yield running
        assert running.stop() == 0


def unary(channel: Any) -> Any:
    """Return what asks for a decision."""
    return channel.unary_unary(PATH)


def streamed(channel: Any, count: int) -> int:
    """Return how many answers *count* requests on a stream get."""
    method = channel.stream_stream("/engine.v1.PolicyEngine/DecideStream")
    return len(list(method(iter([REQUEST] * count), timeout=PATIENCE)))


def need(*programs: str) -> None:
    for one in programs:
        if shutil.which(one) is None:
            pytest.skip(f"{one} is not here")


def said(*command: str, cwd: Path | None = None, timeout: float = 600) -> str:
    """Return what *command* prints, on either stream; it must end well."""
    done = subprocess.run(  # noqa: S603 - ours
        command, cwd=cwd, capture_output=True, timeout=timeout, check=False
    )
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, text
    return text


# @grpc/grpc-js


@pytest.fixture(scope="module")
def modules() -> Path:
    """Return where grpc-js is; npm installs it, as for the tests of the TypeScript client."""
    need("node", "npm")
    version = re.match(r"v(\d+)", said("node", "--version"))
    if version is None or int(version[1]) < 18:
        pytest.skip("grpc-js needs node >= 18")
    found = CLIENT / "node_modules"
    with (CLIENT / "tsconfig.json").open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (found / "@grpc/grpc-js").is_dir():
            said("npm", "ci", "--ignore-scripts", "--silent", cwd=CLIENT, timeout=600)
    return found


def ask_with_grpc_js(
    folder: Path, modules: Path, address: str, many: int, *tls: str
) -> dict[str, Any]:
    script = str(HERE / "grpc_js.mjs")
    line = said("node", script, str(modules), address, "request.bin", str(many), *tls, cwd=folder)
    found: dict[str, Any] = json.loads(line.splitlines()[0])
    return found


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "mutual TLS"])
def test_grpc_js_is_served(
    folder: Path, modules: Path, plain: Running, secured: Running, many: int, *, secure: bool
) -> None:
    address = (secured if secure else plain).address.replace("127.0.0.1", "localhost")
    tls = ("ca.crt", "client.crt", "client.key") if secure else ()
    found = ask_with_grpc_js(folder, modules, address, many, *tls)
    answer, details = found.pop("answer"), found.pop("details")
    assert answer > 50
    assert details > 20
    assert found == {
        "unary": 0,
        "parallel": many,
        "bidi": {"code": 0, "came": 500},
        "unknown": 12,
        "wrong": 3,
        "past": 4,
        "deadline": 4,
        "cancelled": 1,
        "health": 1,
        "watch": 1,
        "gzip": 0,
        "large": 8,
        "after": 0,
    }


# nghttp2's clients, and curl


def test_nghttp_is_served(folder: Path, plain: Running) -> None:
    need("nghttp")
    text = said(
        "nghttp", "-v", "-n", *GRPC, "-d", "framed.bin", f"http://{plain.address}{PATH}", cwd=folder
    )
    assert ":status: 200" in text
    assert "grpc-status: 0" in text


@pytest.mark.parametrize("connections", [1, 20])
def test_h2load_gets_an_answer_to_each_of_its_calls(
    folder: Path, plain: Running, connections: int
) -> None:
    need("h2load")
    load = ("-n", "2000", "-c", str(connections), "-m", "32")
    url = f"http://{plain.address}{PATH}"
    text = said("h2load", *load, *GRPC, "-d", "framed.bin", url, cwd=folder)
    assert "2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout" in text
    assert "status codes: 2000 2xx" in text


@pytest.mark.parametrize("how", ["port", "socket", "TLS", "TLS 1.2"])
def test_curl_is_served(folder: Path, plain: Running, secured: Running, how: str) -> None:
    need("curl")
    asked: tuple[str, ...] = ("--http2-prior-knowledge", f"http://{plain.address}{PATH}")
    if how == "socket":
        asked = ("--http2-prior-knowledge", "--unix-socket", "s", f"http://localhost{PATH}")
    elif how.startswith("TLS"):
        asked = ("--http2", "--cacert", "ca.crt", "--cert", "client.crt", "--key", "client.key")
        asked = (*asked, *(("--tls-max", "1.2") if "1.2" in how else ()))
        asked = (*asked, f"https://{secured.address}{PATH}")
    curl = ("curl", "--silent", "--show-error", "--max-time", "120", "-D", "fields", "-o", "body")
    said(*curl, *GRPC, "--data-binary", "@framed.bin", *asked, cwd=folder)
    fields = (folder / "fields").read_text()
    assert fields.startswith("HTTP/2 200")
    assert "grpc-status: 0" in fields
    body = (folder / "body").read_bytes()
    assert wire.Decision.FromString(body[5:]).action == wire.ACTION_ALLOW


# Without a body: curl takes an answer that comes before the end of a request for an error.
@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("-X", "GET"), "405"), (("-X", "POST", "-H", "content-type: text/plain"), "415")],
)
def test_curl_is_told_that_this_is_grpc(
    plain: Running, arguments: tuple[str, ...], status: str, transport: str
) -> None:
    need("curl")
    if transport != "lean":
        pytest.skip("grpcio's server answers with RST_STREAM")
    curl = ("curl", "-s", "--max-time", "120", "-o", "/dev/null", "-w", "%{http_code}")
    url = f"http://{plain.address}{PATH}"
    assert said(*curl, "--http2-prior-knowledge", *arguments, url) == status


# grpcio


def channel_to(folder: Path, running: Running) -> Any:
    root, key, own = ((folder / one).read_bytes() for one in ("ca.crt", "client.key", "client.crt"))
    return grpc.secure_channel(running.address, grpc.ssl_channel_credentials(root, key, own))


def test_grpcio_is_served_over_tls(folder: Path, secured: Running, many: int) -> None:
    with channel_to(folder, secured) as channel:
        method = unary(channel)
        answers = [method.future(REQUEST, timeout=PATIENCE) for _ in range(many)]
        assert {wire.Decision.FromString(one.result()).action for one in answers} == {
            wire.ACTION_ALLOW
        }
        assert streamed(channel, 500) == 500


def test_grpcio_aio_is_served(plain: Running, many: int) -> None:
    async def ask() -> list[bytes]:
        async with grpc.aio.insecure_channel(
            plain.address, [("grpc.keepalive_time_ms", 10)]
        ) as channel:
            method = unary(channel)
            return list(
                await asyncio.gather(*(method(REQUEST, timeout=PATIENCE) for _ in range(many)))
            )

    assert len(asyncio.run(ask())) == many


# Envoy


TYPES = "type.googleapis.com/envoy.extensions"
ENVOY = """
admin: {{}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": "{types}.filters.network.http_connection_manager.v3.HttpConnectionManager"
          stat_prefix: front
          codec_type: HTTP2
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: /}}
                route: {{cluster: engine, timeout: 0s}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": "{types}.filters.http.router.v3.Router"}}
  clusters:
  - name: engine
    type: STATIC
    connect_timeout: 60s
    load_assignment:
      cluster_name: engine
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {behind}}}}}}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": "{types}.upstreams.http.v3.HttpProtocolOptions"
        explicit_http_config:
          http2_protocol_options: {{connection_keepalive: {{interval: 1s, timeout: 60s}}}}
    health_checks:
    - timeout: 60s
      interval: 1s
      no_traffic_interval: 1s
      unhealthy_threshold: 1
      healthy_threshold: 1
      grpc_health_check: {{service_name: engine.v1.PolicyEngine}}
{tls}
"""
ENVOY_TLS = """
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context:
          alpn_protocols: [h2]
          validation_context: {trusted_ca: {filename: ca.crt}}
          tls_certificates:
          - {certificate_chain: {filename: client.crt}, private_key: {filename: client.key}}
"""


@contextmanager
def envoy(folder: Path, behind: Running, tls: str) -> Iterator[str]:
    """Run Envoy in front of a daemon; yield its address when it finds the daemon healthy."""
    program = shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")
    if program is None:
        pytest.skip("envoy is not here")
    port = free_port()
    config = folder / "envoy.yaml"
    where = {"port": port, "behind": behind.address.rpartition(":")[2]}
    config.write_text(ENVOY.format(types=TYPES, tls=tls, **where))
    calm = ("--concurrency", "1", "-l", "warning", "--disable-hot-restart")
    command = (program, "-c", str(config), *calm)
    with (folder / "envoy.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (folder / "envoy.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "mutual TLS"])
def test_envoy_is_a_client_that_is_served(
    folder: Path, plain: Running, secured: Running, many: int, *, secure: bool
) -> None:
    behind, tls = (secured, ENVOY_TLS) if secure else (plain, "")
    with envoy(folder, behind, tls) as address, grpc.insecure_channel(address) as channel:
        method = unary(channel)
        found = method(REQUEST, timeout=PATIENCE, wait_for_ready=True)
        assert wire.Decision.FromString(found).action == wire.ACTION_ALLOW
        answers = [method.future(REQUEST, timeout=PATIENCE) for _ in range(many)]
        assert all(one.result() for one in answers)
        assert streamed(channel, 500) == 500
        with pytest.raises(grpc.RpcError) as caught:
            method(b"", timeout=PATIENCE)
        refusal: Any = caught.value
        assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert rpc_status.from_call(refusal).details
        with pytest.raises(grpc.RpcError) as caught:
            method(bytes((1 << 20) + 1), timeout=PATIENCE)
        refusal = caught.value
        assert refusal.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert method(REQUEST, timeout=PATIENCE)


def test_envoy_goes_elsewhere_when_a_daemon_drains(folder: Path, transport: str) -> None:
    with (
        daemon(folder, *flags(transport, "data=draining")) as running,
        envoy(folder, running, "") as address,
        grpc.insecure_channel(address) as channel,
    ):
        method = unary(channel)
        assert method(REQUEST, timeout=PATIENCE, wait_for_ready=True)
        asked = [method.future(REQUEST, timeout=PATIENCE) for _ in range(200)]
        codes = {one.code() for one in asked[:100]}
        assert running.stop() == 0
        codes |= {one.code() for one in asked}
        told = {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        # grpcio's server cancels what comes while it stops.
        assert codes <= (told if transport == "lean" else told | {grpc.StatusCode.CANCELLED})
        with pytest.raises(grpc.RpcError) as caught:
            method(REQUEST, timeout=PATIENCE)
        refusal: Any = caught.value
        assert refusal.code() is grpc.StatusCode.UNAVAILABLE
