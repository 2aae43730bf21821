"""Settings of the queue of reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Reviews(Struct, frozen=True, kw_only=True):
    """The queue of what people must look at: what `escalate` opens, and reviewers answer."""

    store: Annotated[
        Literal["data", ""],
        Meta(
            description="Where reviews are kept: `data` is `reviews.db` in the data folder, which "
            "all workers share; empty for nowhere: then what escalates stays so however often it "
            "is asked. Nothing is kept while `state` is `memory`. While reviews cannot be reached, "
            "what escalates is denied."
        ),
    ] = "data"
