"""A resolved review in, a signed token of its approval out; a token in, what it says or why not.

The token is a JWS in the compact form (RFC 7515) signed with Ed25519 (RFC 8037): the same review in
the same round always has the same token, so there is nothing to keep but whether it was presented,
and that is kept with the review. The key is derived from the deployment's secret: whoever shares
the reviews shares it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.runtime.decision import Reason
from engine.runtime.record import Record
from engine.service.keys import derive_key
from engine.storage.reviews import SECOND, Question, Review

ISSUER = "pol-engine"
HASH_BYTES = 16

TOO_LATE = "it has expired"

_canonical = msgspec.json.Encoder(enc_hook=str, order="deterministic", decimal_format="string")


class BadToken(Exception):
    """It is no token of ours; the text says why, and never repeats it."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: which approval, of what. Times are whole seconds since the epoch."""

    iss: str
    jti: str
    """Names the approval: the review and its round."""
    iat: int
    """When it was approved."""
    exp: int
    review_id: str
    round: int
    tenant: str
    user: str
    rules: tuple[str, ...]
    revision: str
    content_hash: str
    arguments_hash: str


class Approvals:
    """Signs and reads tokens, and hashes what they are bound to."""

    def __init__(self, secret: bytes) -> None:
        """Derive the keys from the deployment's *secret*."""
        self._key = Ed25519PrivateKey.from_private_bytes(derive_key(secret, "approval token"))
        self._hash_key = derive_key(secret, "approval hash")
        public = self._key.public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._public = public
        kid = hashlib.sha256(raw).hexdigest()[:16]
        header = {"alg": "EdDSA", "kid": kid, "typ": "approval+jwt"}
        self._header = encoded(_canonical.encode(header))

    def token(self, review: Review, now: int) -> str:
        """Return the token of *review*; empty unless it is approved, still holds and is unused."""
        if review.state not in {"approved", "edited"} or review.used_at:
            return ""
        if now // SECOND >= ends_at(review):
            return ""
        signed = f"{self._header}.{encoded(_canonical.encode(claims_of(review)))}"
        return f"{signed}.{encoded(self._key.sign(signed.encode()))}"

    def read(self, token: str) -> Claims:
        """Return what *token* says. Raises BadToken.

        Invariant: the header must be ours to the letter, so no token chooses how it is checked.
        """
        header, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        if header != self._header:
            raise BadToken("it is none of this engine's")
        try:
            self._public.verify(decoded(signature), f"{header}.{body}".encode())
            return msgspec.json.decode(decoded(body), type=Claims)
        except (InvalidSignature, binascii.Error, ValueError, msgspec.DecodeError):
            raise BadToken("its signature is wrong") from None

    def hash_content(self, record: Record) -> str:
        """Return the keyed hash of the content of *record*, as it came."""
        return self._hash((record.content, record.messages))

    def hash_arguments(self, record: Record) -> str:
        """Return the keyed hash of the tool and its arguments, as they came."""
        return self._hash((record.tool.name, record.tool.server, record.tool.args))

    def _hash(self, value: object) -> str:
        data = _canonical.encode(value)
        return hashlib.blake2b(data, key=self._hash_key, digest_size=HASH_BYTES).hexdigest()


def claims_of(review: Review) -> Claims:
    """Return what the token of *review* says."""
    question = review.question
    return Claims(
        iss=ISSUER,
        jti=f"{question.review_id}.{review.round}",
        iat=review.resolved_at // SECOND,
        exp=ends_at(review),
        review_id=question.review_id,
        round=review.round,
        tenant=question.tenant,
        user=question.user,
        rules=rules_of(question.reasons),
        revision=question.revision,
        content_hash=question.content_hash,
        arguments_hash=question.arguments_hash,
    )


def ends_at(review: Review) -> int:
    """Return the second from which an approval does not hold any more."""
    return (review.resolved_at + review.question.within) // SECOND


def rules_of(reasons: Sequence[Reason]) -> tuple[str, ...]:
    """Return the names of the rules that asked, in their order."""
    return tuple(sorted({one.rule or one.policy for one in reasons}))


def objection(claims: Claims, question: Question, now: int) -> str:
    """Return why the approval that *claims* tell of is none of *question*; empty where it is."""
    if claims.tenant != question.tenant:
        return "it is another tenant's"
    if claims.user != question.user:
        return "it is another user's"
    if claims.revision != question.revision:
        return "it is of another revision of the policies"
    if claims.rules != rules_of(question.reasons):
        return "it is of other rules"
    if claims.content_hash != question.content_hash:
        return "it is of other content"
    if claims.arguments_hash != question.arguments_hash:
        return "it is of other arguments"
    if claims.review_id != question.review_id:
        return "it is of another request"
    if now // SECOND >= claims.exp:
        return TOO_LATE
    return ""


def encoded(data: bytes) -> str:
    """Return *data* as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding. Raises ValueError, also for a second form.

    Invariant: one token has one text, so that nothing can be added to it unseen.
    """
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encoded(data) != text:
        raise ValueError("not the one form")
    return data
