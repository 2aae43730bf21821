"""Reviews of a running daemon in the store's form: for the command line.

The methods are those of a store (see `ReviewStore`) that the commands ask; the instant that they
are given does not matter, since the daemon has a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import msgspec
from google.protobuf.message import Message as Sent

from engine.doors.grpc.caller import STATE_NAMES, action_of, connect, failure_of, reasons_of
from engine.doors.grpc.convert import REVIEW_STATES, STAGES, encode_json
from engine.doors.grpc.dialling import Trust
from engine.runtime.decision import Message
from engine.service.earlier import Earlier, Passed
from engine.service.times import iso_time
from engine.storage.reviews import (
    Deed,
    Move,
    NoReview,
    Page,
    Question,
    Refused,
    Review,
    Shown,
    Wanted,
)
from engine.wire import engine_pb2 as wire

PREFIX = "/engine.v1.PolicyEngine/"
ID_CHARACTERS = 32
PAGE = 1000

RESOLVED: dict[str, Any] = {
    "approve": wire.REVIEW_STATE_APPROVED,
    "reject": wire.REVIEW_STATE_REJECTED,
    "edit": wire.REVIEW_STATE_EDITED,
}


class RemoteReviews:
    """Asks the daemon at *address* (``host:port``, ``unix:///path``) with a reviewer's *token*."""

    def __init__(
        self, address: str, token: str, seconds: float, trust: Trust | None = None
    ) -> None:
        """Connect at the first question; each is given up after *seconds*.

        Without a *token* the daemon must be one that believes names. Over TLS where there is
        *trust*. Raises CallError where its files cannot be used.
        """
        self.address = address
        self._trust = trust
        self._seconds = seconds
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._channel = connect(address, trust)

    def close(self) -> None:
        """Disconnect."""
        self._channel.close()

    def find(self, review_id: str, _now: int) -> Review:
        """Return a review as it stands. Raises NoReview and Refused."""
        message = wire.GetReviewRequest(review_id=review_id)
        return read_review(self._ask("GetReview", message, wire.Review.FromString))

    def look(self, review_id: str, *, full: bool) -> tuple[Review, Earlier]:
        """Return a review with what was decided before; *full*: with what came.

        Raises NoReview and Refused.
        """
        message = wire.GetReviewRequest(review_id=review_id, full=full, earlier=True)
        answer = self._ask("GetReview", message, wire.Review.FromString)
        return read_review(answer), read_earlier(answer)

    def act(self, review_id: str, move: Move, _now: int) -> Review:
        """Return the review after *move*. Raises NoReview and Refused."""
        name, message = write_move(review_id, move)
        return read_review(self._ask(name, message, wire.Review.FromString))

    def browse(self, wanted: Wanted, token: str, most: int, _now: int) -> Page:
        """Return up to *most* reviews after *token*. Raises Refused."""
        message = wire.ListReviewsRequest(
            queue=wanted.queue,
            tenant_id=wanted.tenant,
            state=REVIEW_STATES[wanted.state] if wanted.state else 0,  # type: ignore[arg-type]
            page_size=most,
            page_token=token,
        )
        answer = self._ask("ListReviews", message, wire.ListReviewsResponse.FromString)
        return Page(reviews=tuple(map(read_review, answer.reviews)), token=answer.next_page_token)

    def begin_with(self, text: str, most: int) -> tuple[str, ...]:
        """Return up to *most* ids that begin with *text*.

        Invariant: all reviews are looked through, unless so many are found before. Of some only,
        one might be taken for the one that is meant.
        """
        if len(text) >= ID_CHARACTERS:
            return (text,)
        found: list[str] = []
        token = ""
        while text and len(found) < most:
            page = self.browse(Wanted(), token, PAGE, 0)
            ids = (one.question.review_id for one in page.reviews)
            found += [one for one in ids if one.startswith(text)]
            token = page.token
            if not token:
                break
        return tuple(found[:most])

    def history(self, review_id: str) -> tuple[Deed, ...]:
        """Return what was done with a review, the oldest first. Raises NoReview and Refused."""
        found: list[Deed] = []
        message = wire.GetReviewHistoryRequest(review_id=review_id)
        while True:
            answer = self._ask("GetReviewHistory", message, wire.ReviewHistory.FromString)
            found += [read_deed(review_id, one) for one in answer.deeds]
            if not answer.next_page_token:
                return tuple(found)
            message.page_token = answer.next_page_token

    def _ask(self, name: str, message: Sent, read: Callable[[bytes], Any]) -> Any:
        call = self._channel.unary_unary(PREFIX + name, to_bytes, read)
        try:
            return call(message, timeout=self._seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise told(self.address, error, self._trust) from None


def to_bytes(message: Sent) -> bytes:
    """Return the bytes of *message*."""
    return message.SerializeToString()


def told(address: str, error: grpc.RpcError, trust: Trust | None) -> Exception:
    """Return what a gRPC *error* means to who asked about a review."""
    assert isinstance(error, grpc.Call)
    details = error.details() or "no details"
    match error.code():
        case grpc.StatusCode.NOT_FOUND:
            return NoReview(details)
        case (
            grpc.StatusCode.FAILED_PRECONDITION
            | grpc.StatusCode.PERMISSION_DENIED
            | grpc.StatusCode.UNAUTHENTICATED
        ):
            return Refused(details)
        case _:
            return failure_of(address, error, trust)


def write_move(review_id: str, move: Move) -> tuple[str, Sent]:
    """Return the method that does *move*, and its message."""
    said: dict[str, Any] = {"review_id": review_id, "note": move.note, "reviewer": move.who}
    match move.verb:
        case "claim":
            claim = wire.ClaimReviewRequest(**said)
            claim.lease.FromNanoseconds(move.lease)
            return "ClaimReview", claim
        case "release":
            return "ReleaseReview", wire.ReleaseReviewRequest(**said)
        case "hand_over":
            return "HandOverReview", wire.HandOverReviewRequest(**said, to=move.to)
        case "comment":
            return "CommentReview", wire.CommentReviewRequest(**said)
        case _:
            message = wire.ResolveReviewRequest(**said, state=RESOLVED[move.verb])
            write_edit(message, move.shown or Shown())
            return "ResolveReview", message


def write_edit(into: wire.ResolveReviewRequest, shown: Shown) -> None:
    """Fill what is to be released instead."""
    if shown.content is not None:
        into.content = shown.content
    if shown.messages is not None:
        into.messages.SetInParent()
        for one in shown.messages:
            into.messages.messages.add(role=one.role, text=one.text)
    if shown.arguments is not None:
        into.arguments_json = encode_json(shown.arguments)


def read_review(answer: wire.Review) -> Review:
    """Return the review that the daemon sent. What was edited stands in the place of the rest."""
    expires_at = answer.expires_at.ToNanoseconds()
    question = Question(
        review_id=answer.review_id,
        tenant=answer.tenant_id,
        user=answer.user_id,
        stage=STAGES.get(answer.stage, ""),
        queue=answer.queue,
        revision=answer.revision,
        reasons=reasons_of(answer.reasons),
        shown=read_shown(answer),
        expires_at=expires_at,
        within=max(expires_at - answer.opened_at.ToNanoseconds(), 0),
        otherwise="allow" if action_of(answer.otherwise) == "allow" else "deny",
        needed=answer.approvals_needed,
        decision_id=answer.decision_id,
        session=answer.session,
        tool=answer.tool,
        hidden=answer.hidden,
    )
    return Review(
        question=question,
        opened_at=answer.opened_at.ToNanoseconds(),
        state=STATE_NAMES.get(answer.state, "open"),
        round=answer.round,
        holder=answer.claimed_by,
        held_until=answer.claimed_until.ToNanoseconds(),
        approvals=tuple(answer.approved_by),
        resolved_by=answer.resolved_by,
        resolved_at=answer.resolved_at.ToNanoseconds(),
        note=answer.note,
        used_at=answer.approval_used_at.ToNanoseconds(),
    )


def read_earlier(answer: wire.Review) -> Earlier:
    """Return what was decided in the conversation before."""
    decisions = tuple(
        Passed(
            time=iso_time(one.time.ToNanoseconds()),
            decision_id=one.decision_id,
            stage=STAGES.get(one.stage, ""),
            action=action_of(one.action),
            effective_action=action_of(one.effective_action),
            rules=tuple(one.rules),
            labels=tuple(one.labels),
        )
        for one in answer.earlier
    )
    return Earlier(decisions=decisions, missing=answer.earlier_missing)


def read_shown(answer: wire.Review) -> Shown:
    """Return what is to be released, or what came."""
    return Shown(
        content=answer.content if answer.HasField("content") else None,
        messages=tuple(Message(role=one.role, text=one.text) for one in answer.messages.messages)
        if answer.HasField("messages")
        else None,
        arguments=msgspec.json.decode(answer.arguments_json) if answer.arguments_json else None,
    )


def read_deed(review_id: str, one: wire.ReviewDeed) -> Deed:
    """Return a row of the history."""
    made = {
        "number": one.number,
        "review_id": review_id,
        "round": one.round,
        "time": one.time.ToNanoseconds(),
        "act": one.act,
        "who": one.who,
        "note": one.note,
        "state": STATE_NAMES.get(one.state, "open"),
    }
    return msgspec.convert(made, Deed)
