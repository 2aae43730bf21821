"""What a gateway asks, and what is said of a request that does not fit; ``reader`` reads them."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.runtime.decision import Message
from engine.runtime.objections import Problem
from engine.runtime.record import Capability

CONTENT_LIMIT = 1_048_576
"""Characters of content, all messages together; also of a text attribute and of the arguments."""

OnTooLarge = Literal["refuse", "deny", "escalate"]
"""What becomes of a request with more: it is invalid, or decided without a look at its content."""

MOST_PROBLEMS = 100
"""How many wrong paths are told: a request of 30 MB may hold millions."""


class Request(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a gateway asks. Groups hold standard and declared attributes by name.

    Either *content* (one text) or *messages* is given. *capabilities* are what the caller can carry
    out at this stage; None means all.
    """

    tenant: dict[str, object]
    user: dict[str, object]
    stage: str
    request_id: str = ""
    approval: str = ""
    """The signed token of an approval, to be presented once."""
    model: dict[str, object] = {}
    tool: dict[str, object] = {}
    session: dict[str, object] = {}
    usage: dict[str, object] = {}
    source: dict[str, object] = {}
    context: dict[str, object] = {}
    content: str | None = None
    messages: tuple[Message, ...] | None = None
    capabilities: frozenset[Capability] | None = None


class InvalidRequest(Exception):
    """The request does not fit the schema: *problems* names every wrong path."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        if len(problems) > MOST_PROBLEMS:
            problems = (*problems[:MOST_PROBLEMS], Problem("", "and more"))
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
