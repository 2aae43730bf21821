"""Settings of the queue of reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Reviews(Struct, frozen=True, kw_only=True):
    """The queue of what people must look at: what `escalate` opens, and reviewers answer."""

    reviewers: Annotated[
        str,
        Meta(
            description="A file (TOML) that says who may answer reviews: queues, tenants, rights, "
            "credentials; it is read again when it changes. Empty: the name that is given is "
            "believed, and reviewers are only answered on loopback and sockets."
        ),
    ] = ""
    approvals: Annotated[
        Literal["window", "once"],
        Meta(
            description="What an approval lets pass: with `window` the same request for as long as "
            "the review might have waited; with `once` a single decision, which presents the "
            "approval's token."
        ),
    ] = "window"
    keep_full: Annotated[
        bool,
        Meta(
            description="Keep what came as it came too, before anything was redacted, sealed with "
            "a key of its own: for reviewers with the right `full`."
        ),
    ] = False
    most_waiting: Annotated[
        int,
        Meta(
            ge=1,
            le=9_000,
            description="Most calls of WaitReview at once in one process; one more is answered "
            "with RESOURCE_EXHAUSTED.",
        ),
    ] = 2_000
    notify: Annotated[
        str,
        Meta(
            description="A file (TOML) that says who is told of reviews that open, are nearly "
            "over, expire or are answered: webhooks, mail, Slack. Empty for nobody."
        ),
    ] = ""
    store: Annotated[
        Literal["data", "postgresql", ""],
        Meta(
            description="Where reviews are kept: `data` is `reviews.db` in the data folder, which "
            "all workers share; `postgresql` is the database at `reviews.url`, which several nodes "
            "share; empty for nowhere: then what escalates stays so however often it is asked. "
            "Nothing is kept in the data folder while `state` is `memory`. While reviews cannot be "
            "reached, what escalates is denied."
        ),
    ] = "data"
    url: Annotated[
        str,
        Meta(
            description="The database of `postgresql`: "
            "`postgresql://user:password@host:5432/name`, with options such as "
            "`?sslmode=require` behind it. A password belongs into "
            "`reviews.url_file` or the variable rather than into the file."
        ),
    ] = ""
    url_file: Annotated[
        str, Meta(description="A file that holds `reviews.url`, in its place; empty for none.")
    ] = ""
    timeout_ms: Annotated[
        int,
        Meta(
            ge=50,
            le=60_000,
            description="Milliseconds that a call of the database may take. What escalates waits "
            "for so long at most; other decisions do not wait.",
        ),
    ] = 1000
    ca_file: Annotated[
        str,
        Meta(
            description="Whom to trust as the database (PEM): it must prove its name then; empty "
            "for what the URL says."
        ),
    ] = ""
    certificate_file: Annotated[
        str, Meta(description="Who we are to the database (PEM); empty for nobody.")
    ] = ""
    key_file: Annotated[str, Meta(description="The key of `reviews.certificate_file` (PEM).")] = ""
    keep_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days after which reviews that are over are deleted, with their history; 0 "
            "for never. What is recorded of them stays in the record.",
        ),
    ] = 365
    keep_content_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days after which what a review that is over showed, and its notes, are "
            "erased; 0 for when it is deleted.",
        ),
    ] = 0
