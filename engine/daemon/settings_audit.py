"""Settings of what remembers decisions: the record, and the audit trail."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.daemon.settings_sinks import AnySink


class Record(Struct, frozen=True, kw_only=True):
    """The decision record: one JSON line for every decision, never with content."""

    file: Annotated[
        str,
        Meta(
            description="File that decisions are appended to, relative to the data folder; empty "
            "for none. SIGHUP reopens it."
        ),
    ] = "decisions.jsonl"
    on_failure: Annotated[
        Literal["deny", "drop"],
        Meta(
            description="When a decision cannot be written down: `deny` it, or give it and `drop` "
            "the record (dropped ones are counted)."
        ),
    ] = "deny"


class Audit(Struct, frozen=True, kw_only=True):
    """The audit trail: every record chained to the one before it, and signed now and then."""

    folder: Annotated[
        str,
        Meta(
            description="Folder of the audit trail, relative to the data folder; empty for none. "
            "Nothing in it is ever deleted by the daemon. `record.on_failure` says what becomes of "
            "a decision that cannot be kept."
        ),
    ] = ""
    name: Annotated[
        str,
        Meta(
            pattern=r"^[^\s+]+$",
            description="Who signs: a name that is this deployment's alone, as a domain with a "
            "path. The key is `audit.key` in the data folder, made on the first start.",
        ),
    ] = "engine.local/audit"
    checkpoint_seconds: Annotated[
        int,
        Meta(ge=1, le=3600, description="Seconds between two signatures, while there is news."),
    ] = 1
    segment_megabytes: Annotated[
        int, Meta(ge=1, le=1024, description="The size at which a trail goes on in a new file.")
    ] = 64
    sinks: Annotated[
        tuple[AnySink, ...],
        Meta(
            description="Where the trail is shipped to, at least once: a table `[[audit.sinks]]` "
            "for each; as a variable or a flag, a JSON array.",
            extra={"form": "sinks"},
        ),
    ] = ()
