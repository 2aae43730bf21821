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
        Literal["data", ""],
        Meta(
            description="Where reviews are kept: `data` is `reviews.db` in the data folder, which "
            "all workers share; empty for nowhere: then what escalates stays so however often it "
            "is asked. Nothing is kept while `state` is `memory`. While reviews cannot be reached, "
            "what escalates is denied."
        ),
    ] = "data"
