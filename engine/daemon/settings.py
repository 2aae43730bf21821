"""The daemon's settings: one frozen struct, every key with its meaning, range and default.

The descriptions are the documentation: ``engine serve --print-config`` and the configuration
reference are written from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from engine.daemon.settings_audit import Audit, Record
from engine.daemon.settings_grpc import GrpcLimits
from engine.daemon.settings_reviews import Reviews

Listen = Annotated[str, Meta(extra={"form": "address"})]
"""``host:port``, or empty for none."""


class Tls(Struct, frozen=True, kw_only=True):
    """How the port of the gRPC door is secured. The Unix socket has the file system for that."""

    certificate_file: Annotated[
        str,
        Meta(
            description="The certificate of `grpc.listen` with its chain (PEM): then nothing but "
            "TLS (1.2 or later) is spoken there. Empty for no TLS. Read again when it changes, "
            "and on SIGHUP."
        ),
    ] = ""
    key_file: Annotated[
        str,
        Meta(
            description="The key of `grpc.tls.certificate_file` (PEM, not encrypted), which only "
            "this user may read."
        ),
    ] = ""
    client_ca_file: Annotated[
        str,
        Meta(
            description="Whose certificates callers must show (PEM): nobody else is answered. "
            "Empty: anybody who reaches the port is."
        ),
    ] = ""
    client_names: Annotated[
        str,
        Meta(
            description="Which of those callers may ask: subject alternative names (DNS, URI, "
            "e-mail, IP) of their certificates, with commas between; empty for all. The others "
            "are answered with PERMISSION_DENIED."
        ),
    ] = ""


class Grpc(Struct, frozen=True, kw_only=True):
    """Where gateways ask for decisions."""

    listen: Annotated[
        Listen,
        Meta(
            description="Address of the gRPC door, `host:port`; port 0 takes a free one; empty for "
            "none."
        ),
    ] = "127.0.0.1:50051"
    socket: Annotated[
        str, Meta(description="Path of a Unix socket for callers on this machine; empty for none.")
    ] = ""
    reflection: Annotated[
        Literal["loopback", "on", "off"],
        Meta(
            description="gRPC reflection: only while every listener is on loopback, always, or "
            "never."
        ),
    ] = "loopback"
    transport: Annotated[
        Literal["grpcio", "lean"],
        Meta(
            description="Which server of HTTP/2 serves the gRPC door: the lean one of this "
            "package, or grpcio's, which answers proper calls the same and costs many times as "
            "much. Grpcio's takes deflate and any content type too, waits for what a request "
            "that ended has left out, and does not tell callers that it is their certificate."
        ),
    ] = "lean"
    busy_poll_microseconds: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="So long after a client sent something the process looks for more without "
            "a pause, before its processor may sleep: answers come sooner where it has a core of "
            "its own, and that core is busy for as long. 0 for never; the lean server only.",
        ),
    ] = 0
    tls: Tls = field(default_factory=Tls)
    limits: GrpcLimits = field(default_factory=GrpcLimits)


class Metrics(Struct, frozen=True, kw_only=True):
    """Where the daemon can be watched."""

    listen: Annotated[
        Listen,
        Meta(
            description="Address of `/metrics`, `/healthz` and `/readyz` over HTTP, `host:port`; "
            "empty for none."
        ),
    ] = "127.0.0.1:9464"


class Log(Struct, frozen=True, kw_only=True):
    """The daemon's own log, on standard error; it never holds content."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least severe line that is written."),
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "text"],
        Meta(
            description="Lines for machines or for people; `auto` is text on a terminal, else JSON."
        ),
    ] = "auto"


class Limits(Struct, frozen=True, kw_only=True):
    """What a request may cost."""

    content_characters: Annotated[
        int,
        Meta(
            ge=1,
            le=67_108_864,
            description="Most characters of content in one request, all messages together.",
        ),
    ] = 1_048_576
    on_content_too_large: Annotated[
        Literal["refuse", "deny", "escalate"],
        Meta(
            description="What becomes of a request with more: `refuse` it as invalid (nothing is "
            "decided or recorded); `deny`, or `escalate` to `policy-failures`, without a look at "
            "the content."
        ),
    ] = "refuse"
    long_characters: Annotated[
        int,
        Meta(
            ge=1024,
            le=67_108_864,
            description="A request with more text than this has it scanned by threads of their "
            "own, in overlapping windows, so that no other decision waits for it. What is found "
            "is the same.",
        ),
    ] = 65_536
    long_threads: Annotated[
        int,
        Meta(
            ge=0,
            le=64,
            description="How many threads scan such requests; 0 for one less than the machine's "
            "processors, but at least 1 and at most 4.",
        ),
    ] = 0
    long_waiting: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="How many such requests may be scanned or wait for it. One more is treated "
            "as `on_content_too_large` says; `refuse` answers RESOURCE_EXHAUSTED.",
        ),
    ] = 64
    stream_hold_characters: Annotated[
        int,
        Meta(
            ge=512,
            le=65_536,
            description="Most characters of a streamed response that are held back while they may "
            "still become something that is redacted. What may for longer, as a private key "
            "without an end, is replaced until it ends, and the decision records it.",
        ),
    ] = 1024
    remembered_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=17_179_869_184,
            description="Bytes for the findings of texts seen before, by keyed hash and never with "
            "the text, so that of a conversation only the new message is scanned; 0 remembers "
            "nothing.",
        ),
    ] = 33_554_432
    message_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=268_435_456,
            description="Most bytes of one gRPC message. Well above what the content limit lets "
            "through, so that content that is too large is told so by name; a larger message is "
            "answered with RESOURCE_EXHAUSTED.",
        ),
    ] = 67_108_864


class Valkey(Struct, frozen=True, kw_only=True):
    """The server that several machines keep their state in, where `state` is `valkey`."""

    url: Annotated[
        str,
        Meta(
            description="The Valkey or Redis server: `redis://user:password@host:6379/0`, "
            "`rediss://…` for TLS, `unix:///path` for a socket. A password belongs into the "
            "variable rather than into the file."
        ),
    ] = "redis://127.0.0.1:6379/0"
    prefix: Annotated[
        str,
        Meta(
            max_length=64,
            description="What every key of this deployment begins with. Deployments with the same "
            "prefix share their state.",
        ),
    ] = "pol:"
    timeout_ms: Annotated[
        int,
        Meta(
            ge=1,
            le=60_000,
            description="Milliseconds without an answer after which the server counts as away.",
        ),
    ] = 20
    leases: Annotated[
        bool,
        Meta(
            description="Take slices of quotas ahead, so that most decisions need no call. A limit "
            "is never exceeded; a burst is at most a twentieth smaller, and each process holds at "
            "most a fiftieth of it unspent. All that share a prefix must choose the same."
        ),
    ] = False
    ca_file: Annotated[
        str,
        Meta(description="For `rediss://`: whom to trust (PEM); empty for whom the system does."),
    ] = ""
    certificate_file: Annotated[
        str, Meta(description="For `rediss://`: who we are (PEM); empty for nobody.")
    ] = ""
    key_file: Annotated[
        str, Meta(description="For `rediss://`: the key of `certificate_file` (PEM).")
    ] = ""


class Reload(Struct, frozen=True, kw_only=True):
    """How changed policies come into force."""

    watch: Annotated[
        bool,
        Meta(
            description="Reload when a file in the policy folder changes (SIGHUP always reloads)."
        ),
    ] = True
    debounce_ms: Annotated[
        int,
        Meta(
            ge=10,
            le=60_000,
            description="Milliseconds without a further change before a reload begins.",
        ),
    ] = 200
    timeout_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Longest time that compiling may take before it is given up, and reading "
            "policies to see whether they are compiled already.",
        ),
    ] = 120


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that the daemon can be told."""

    policies: Annotated[
        str, Meta(description="Folder of the policies; every `.pol` file in it is read.")
    ] = "policies"
    data: Annotated[
        str,
        Meta(
            description="Folder for what the daemon remembers: throttles, budgets, labels, keys, "
            "records."
        ),
    ] = "data"
    state: Annotated[
        Literal["data", "memory", "valkey"],
        Meta(
            description="Where throttles, budgets and sessions are kept: in the data folder (they "
            "survive a restart), in memory (they do not, and no data folder is needed), or in a "
            "Valkey or Redis server that several machines share (see `valkey`; the data folder "
            "still has keys and records)."
        ),
    ] = "data"
    on_state_failure: Annotated[
        Literal["throttle", "deny", "allow", "local"],
        Meta(
            description="What throttle rules do while the state cannot be reached and they do not "
            "say it themselves: `throttle` as if the limit were reached, `deny`, `allow` "
            "uncounted, or count in this process alone (`local`; of `valkey`, sessions and meters "
            "too, and what was counted is made up for when the server is back)."
        ),
    ] = "throttle"
    cache: Annotated[
        str,
        Meta(description="Folder of compiled policies; empty for `cache` in the data folder."),
    ] = ""
    scanner: Annotated[
        Literal["auto", "hyperscan", "re2"],
        Meta(
            description="What looks for entities in texts: Hyperscan where it can be imported "
            "(`auto`), Hyperscan or the daemon does not start, or RE2 alone. They find the same; "
            "RE2 alone takes longer."
        ),
    ] = "auto"
    secret_key_file: Annotated[
        str,
        Meta(
            description="File with the secret key of hashes and tokens; empty for `secret.key` in "
            "the data folder. Made on the first start, readable by its owner only."
        ),
    ] = ""
    wait_for_bundle: Annotated[
        bool,
        Meta(
            description="Start even though the policies do not check or the folder is missing, and "
            "answer UNAVAILABLE until they do; otherwise the daemon refuses to start."
        ),
    ] = False
    workers: Annotated[
        int,
        Meta(
            ge=0,
            le=256,
            description="Processes that decide, which share the port and the state exactly; a "
            "supervisor starts them, watches them, replaces one that dies and does what would "
            "hold up a decision. 0 is a single process that does everything.",
        ),
    ] = 0
    sync_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=3600,
            description="Seconds between two writings of the state to the disk, beside the "
            "decisions; 0 for never. What a process has written survives its end in any case.",
        ),
    ] = 5
    drain_seconds: Annotated[
        int,
        Meta(ge=0, le=3600, description="On SIGTERM, seconds that running calls get to finish."),
    ] = 10
    grpc: Grpc = field(default_factory=Grpc)
    metrics: Metrics = field(default_factory=Metrics)
    log: Log = field(default_factory=Log)
    limits: Limits = field(default_factory=Limits)
    record: Record = field(default_factory=Record)
    audit: Audit = field(default_factory=Audit)
    reviews: Reviews = field(default_factory=Reviews)
    valkey: Valkey = field(default_factory=Valkey)
    reload: Reload = field(default_factory=Reload)

    @property
    def local(self) -> bool:
        """Whether a process goes on by itself while the state cannot be reached."""
        return self.on_state_failure == "local"
