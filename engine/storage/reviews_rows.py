"""Reviews and deeds in, the rows that stores keep of them out; and back.

What a review says is sealed. Beside it stands, open, what stores search by: ids, tenants, queues,
states and times; and a keyed hash of the conversation, so that its reviews can be found together.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from engine.storage.chest import Chest, Open
from engine.storage.reviews import Deed, Refused, Review

Value = str | int | bytes

FARTHEST = 1 << 62
"""No number in a store is beyond it."""

DIGITS = 18
"""Of a number of a deed, at most."""
FOREIGN = "this page token is none of ours"

COLUMNS = (
    "review_id",
    "tenant",
    "queue",
    "state",
    "rank",  # 0 is the gravest
    "opened_at",
    "expires_at",
    "held_until",  # 0: nobody has claimed it
    "ended_at",  # 0: it is open
    "free_at",  # from when on it answers nothing any more
    "erased",  # 1: what it showed is gone
    "session",
    "body",  # the whole review, JSON, sealed
)

Key = tuple[int, int, str]
"""Where a review stands in the order: rank, opening, id."""

SESSION_BYTES = 16

SEALED = "reviews"
"""What the key of the reviews' file is derived for."""

encode = msgspec.json.Encoder(enc_hook=str).encode
read_review = msgspec.json.Decoder(Review).decode
read_deed = msgspec.json.Decoder(Deed).decode


class Rows:
    """Writes and reads rows with a *key* of 32 bytes; None: nothing is sealed."""

    def __init__(self, key: bytes | None) -> None:
        self._chest = Open() if key is None else Chest(key)
        self._key = key or b""

    def open(self, body: bytes) -> bytes:
        """Return what is sealed in *body*. Raises WrongKey."""
        return self._chest.open(body)

    def review(self, body: bytes) -> Review:
        """Return the review in *body*. Raises WrongKey and DecodeError."""
        return read_review(self._chest.open(body))

    def deed(self, number: int, body: bytes) -> Deed:
        """Return the deed in *body*. Raises WrongKey and DecodeError."""
        return msgspec.structs.replace(read_deed(self._chest.open(body)), number=number)

    def of_review(self, review: Review, *, erased: bool = False) -> tuple[Value, ...]:
        """Return the values of `COLUMNS`."""
        question, over = review.question, review.state != "open"
        return (
            question.review_id,
            question.tenant,
            question.queue,
            review.state,
            -question.priority,
            review.opened_at,
            question.expires_at,
            review.held_until,
            review.resolved_at if over else 0,
            min(review.resolved_at + question.within, FARTHEST) if over else 0,
            int(erased),
            self.session(question.tenant, question.session),
            self._chest.seal(encode(review)),
        )

    def of_deed(self, deed: Deed) -> bytes:
        """Return the body of a row of history."""
        return self._chest.seal(encode(deed))

    def session(self, tenant: str, session: str) -> str:
        """Return what stands for a conversation; empty for none."""
        if not session:
            return ""
        named = f"{len(tenant)}:{tenant}{session}".encode()
        return blake2b(
            named, key=self._key, digest_size=SESSION_BYTES, person=b"session"
        ).hexdigest()

    def proof(self) -> bytes:
        """Return something sealed, by which others know whether they have the same key."""
        return self._chest.seal(b"reviews")

    def proves(self, proof: bytes) -> bool:
        """Return whether who made *proof* has the same key. Raises WrongKey."""
        return self._chest.open(proof) == b"reviews"


def token_after(key: Key) -> str:
    """Return the token of the page that begins after *key*."""
    rank, opened_at, review_id = key
    return f"{rank}-{opened_at}-{review_id}"


def read_number(token: str) -> int:
    """Return the deed that *token* names: after it the page begins. Raises Refused."""
    if not token:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) <= DIGITS):
        raise Refused(FOREIGN)
    return int(token)


def read_token(token: str) -> Key:
    """Return the place that *token* names: after it the page begins. Raises Refused."""
    if not token:
        return (1 - FARTHEST, 0, "")
    parts = token.rsplit("-", 2)
    try:
        rank, opened_at, review_id = parts
        place = int(rank), int(opened_at), review_id
    except ValueError:
        place = (FARTHEST, FARTHEST, "")
    if max(abs(place[0]), abs(place[1])) >= FARTHEST:
        raise Refused(FOREIGN)
    return place
