"""Settings of what remembers decisions: the record, and the audit trail."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.daemon.settings_retention import TenantKeep
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
            "While `state` is `memory` none is kept, unless the folder is absolute."
        ),
    ] = "audit"
    values: Annotated[
        Literal["none", "restricted", "all"],
        Meta(
            description="Whether the values that a deciding rule has read are recorded: never, for "
            "all but `allow` (`restricted`), or for every decision. Never a text."
        ),
    ] = "restricted"
    content: Annotated[
        Literal["none", "redacted"],
        Meta(
            description="Whether the content is recorded too, in the trail only, with labels in "
            "the place of what policies redact. What they do not redact is recorded as it is."
        ),
    ] = "none"
    content_tenants: Annotated[
        str,
        Meta(description="Whose content: ids of tenants, with commas between; empty for all."),
    ] = ""
    content_stages: Annotated[
        str, Meta(description="At which stages, with commas between; empty for all.")
    ] = ""
    content_actions: Annotated[
        str,
        Meta(
            description="Of decisions with which effective actions, with commas between, as "
            "`deny, escalate`; empty for all."
        ),
    ] = ""
    content_characters: Annotated[
        int,
        Meta(ge=1, le=10_000_000, description="How much of a content is recorded at most."),
    ] = 20_000
    encrypt: Annotated[
        bool,
        Meta(
            description="Seal the content that is recorded under a key of its tenant's own, which "
            "`engine audit erase` takes away for good. The keys are in the data folder."
        ),
    ] = False
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
    durability: Annotated[
        Literal["written", "synced", "spool"],
        Meta(
            description="How safe a record is when its decision is answered: `written`, it "
            "survives the process (after a power cut the last second may be missing); `synced`, it "
            "is on the disk; `spool`, it is in memory, and the last instants are lost with the "
            "process."
        ),
    ] = "written"
    on_full: Annotated[
        Literal["block", "deny", "drop"],
        Meta(
            description="When a record cannot be kept, since the disk is full, slow or broken: the "
            "answer waits until it can be (`block`), the decision is denied, or it is given and "
            "the record dropped. Dropped and denied ones are counted, and a signed record tells of "
            "them as soon as there is room."
        ),
    ] = "deny"
    patience_ms: Annotated[
        int,
        Meta(
            ge=10,
            le=600_000,
            description="With `synced`: milliseconds after which a disk is so slow that `on_full` "
            "holds for an answer that waits (not `block`).",
        ),
    ] = 5000
    spool_megabytes: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Most memory for records that wait, with `spool` or `block`. What does not "
            "fit is denied, or dropped with `drop`; with both `spool` and `block` answers wait "
            "while half of it is taken.",
        ),
    ] = 16
    segment_megabytes: Annotated[
        int, Meta(ge=1, le=1024, description="The size at which a trail goes on in a new file.")
    ] = 64
    segment_minutes: Annotated[
        int, Meta(ge=1, le=10_080, description="The age at which it does, if it has a record.")
    ] = 60
    compress: Annotated[
        bool, Meta(description="Compress what is closed (zstd): to about a fourth.")
    ] = True
    keep_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days after which records are forgotten; 0 for never. What is held, and "
            "what a sink still waits for, stays.",
        ),
    ] = 0
    keep_megabytes: Annotated[
        int,
        Meta(
            ge=0,
            le=2**20,
            description="Megabytes of records, before compression, that are kept of each tenant, "
            "the newest; 0 for all. What is held stays.",
        ),
    ] = 0
    tenants: Annotated[
        dict[str, TenantKeep],
        Meta(
            description="Where something else holds for a tenant: a table `[audit.tenants.NAME]` "
            "with `keep_days` and `keep_megabytes`; as a variable or a flag, a JSON object.",
            extra={"form": "tenants"},
        ),
    ] = {}
    prune_minutes: Annotated[
        int, Meta(ge=1, le=10_080, description="Minutes between two looks at what may go.")
    ] = 60
    sinks: Annotated[
        tuple[AnySink, ...],
        Meta(
            description="Where the trail is shipped to, at least once: a table `[[audit.sinks]]` "
            "for each; as a variable or a flag, a JSON array.",
            extra={"form": "sinks"},
        ),
    ] = ()
