"""A file of reviewers and a credential in, who that is and what they may do out; or why nobody.

::

    [[reviewer]]
    name = "ann"
    aliases = ["u-17"]                  # she approves nothing that these have asked for
    tokens = ["sha256:9f86d0…"]         # made by `engine reviews token ann`
    queues = ["money"]                  # "*" for every one
    tenants = ["*"]
    may = ["approve", "edit", "full"]   # leave it out: may only look and comment

    [oidc]                              # tokens of an identity provider, checked without asking it
    issuer = "https://id.example"
    audience = "engine-reviews"
    keys = "jwks.json"                  # a JWK set, beside this file
    algorithms = ["RS256"]
    name = "email"
    aliases = ["sub", "preferred_username"]
    leeway_seconds = 30

    [[claims]]                          # whose claim `groups` is or holds this value
    claim = "groups"
    value = "fraud-desk"
    queues = ["money"]
    tenants = ["north", "south"]
    may = ["approve"]

The file is read again when it changes. One that is wrong then leaves the last good one in place.
"""

from __future__ import annotations

import hashlib
import importlib
import secrets
import stat
import tomllib
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from engine.service.plain import MEBIBYTE, read_plain
from engine.storage.reviews import Refused, Scope
from engine.storage.reviews_acts import check_name

Right = Literal["approve", "edit", "full"]
"""``approve``: also reject, claim, release and hand over; ``edit``: also what is released;
``full``: read what came as it came."""

ANY = "*"
DOTS = 2
"""In a signed token."""
LONGEST = 16_384
"""Characters of a credential."""

FILE_BYTES = 16 * MEBIBYTE
"""Of the file of reviewers, and of the keys."""

MOST_SCOPES = 1000
"""How many a list is put together from: each is looked up on its own, which takes 50 us."""

MISSING = "`[oidc]` needs a package that is not installed: pip install pol-engine[oidc]"

Names = tuple[Annotated[str, Meta(min_length=1)], ...]
Hash = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


class ReviewersError(Exception):
    """The file cannot be used; the text names the place and the remedy."""


class Unknown(Exception):
    """The credential is nobody's; the text says why, and never repeats it."""


class Barred(Exception):
    """A reviewer has not the right to do this; the text names both."""


class Grant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be done with the reviews of some queues of some tenants."""

    queues: Names
    tenants: Names
    may: frozenset[Right] = frozenset()

    def covers(self, queue: str, tenant: str) -> bool:
        """Return whether it is about this queue of this tenant."""
        return not {ANY, queue}.isdisjoint(self.queues) and not {ANY, tenant}.isdisjoint(
            self.tenants
        )


class Listed(Grant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reviewer of the file."""

    name: str
    aliases: Names = ()
    tokens: tuple[Hash, ...]


class Oidc(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tokens of an identity provider are believed."""

    issuer: Annotated[str, Meta(min_length=1)]
    audience: Annotated[str, Meta(min_length=1)]
    keys: Annotated[str, Meta(min_length=1)]
    algorithms: Annotated[tuple[str, ...], Meta(min_length=1)]
    name: str = "sub"
    aliases: Names = ("sub",)
    leeway_seconds: Annotated[int, Meta(ge=0, le=300)] = 30


class Claimed(Grant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What those may do whose token has *value* in *claim*."""

    claim: Annotated[str, Meta(min_length=1)]
    value: str


class Roll(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    reviewer: tuple[Listed, ...] = ()
    oidc: Oidc | None = None
    claims: tuple[Claimed, ...] = ()


class Reviewer(Struct, frozen=True, kw_only=True):
    """Someone who has shown a credential."""

    name: str
    aliases: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()

    def sees(self, queue: str, tenant: str) -> bool:
        """Return whether they may look at the reviews of this queue of this tenant."""
        return any(one.covers(queue, tenant) for one in self.grants)

    def may(self, right: Right, queue: str, tenant: str) -> bool:
        """Return whether they have *right* there."""
        return any(right in one.may and one.covers(queue, tenant) for one in self.grants)

    def scopes(self) -> tuple[Scope, ...]:
        """Return which queues of which tenants together hold all that they see; none: nothing.

        Where those were more than `MOST_SCOPES`, they are wider, and hold more than that.
        """
        found: set[Scope] = {(ANY, ANY)}
        if sum(len(one.queues) * len(one.tenants) for one in self.grants) <= MOST_SCOPES:
            found = {pair for one in self.grants for pair in product(one.queues, one.tenants)}
        elif len(queues := {one for grant in self.grants for one in grant.queues}) <= MOST_SCOPES:
            found = {(one, ANY) for one in queues}
        elif len(tenants := {one for grant in self.grants for one in grant.tenants}) <= MOST_SCOPES:
            found = {(ANY, one) for one in tenants}
        alone = {
            (queue, tenant)
            for queue, tenant in found
            if found.isdisjoint({(queue, ANY), (ANY, tenant), (ANY, ANY)} - {(queue, tenant)})
        }
        return tuple(
            sorted(
                ("" if queue == ANY else queue, "" if tenant == ANY else tenant)
                for queue, tenant in alone
            )
        )


class Verifier(Protocol):
    """Checks the tokens of an identity provider."""

    def claims(self, token: str) -> Mapping[str, object]:
        """Return what *token* claims. Raises Unknown."""
        ...


class Known(Struct, frozen=True, kw_only=True):
    """A file that was read: who has which token, and how others are checked."""

    holders: dict[str, Reviewer]
    """By the token's hash."""
    names: frozenset[str]
    oidc: Oidc | None = None
    verifier: Verifier | None = None
    claims: tuple[Claimed, ...] = ()


class Reviewers:
    """Owns the file at *path*: who the credentials are of."""

    def __init__(self, path: Path, told: Callable[[str], None], clock: Callable[[], int]) -> None:
        """Read the file; *told* is given why a later one is wrong, *clock* the ns since the epoch.

        Raises ReviewersError.
        """
        self.path = path
        self.told = told
        self._clock = clock
        self._tried: dict[Path, object] = {}
        """The files that were read last, or could not be, each with its state before that."""
        self._known = self._read()

    def who(self, credential: str) -> Reviewer:
        """Return whose *credential* it is. Raises Unknown."""
        known = self._newest()
        if not credential:
            raise Unknown("a reviewer's credential is needed: authorization: Bearer …")
        if len(credential) > LONGEST:
            raise Unknown("the credential is too long")
        found = known.holders.get(hash_of(credential))
        if found is not None:
            return found
        if known.oidc is None or known.verifier is None or credential.count(".") != DOTS:
            raise Unknown("the credential is no reviewer's")
        return claimant(known.oidc, known.claims, known.verifier.claims(credential))

    def takes(self, name: str, queue: str, tenant: str) -> bool:
        """Return whether a review can be handed over to *name*.

        Whom an identity provider knows is not known here, so there every name can.
        """
        known = self._newest()
        if known.oidc is not None and name not in known.names:
            return True
        return any(
            one.name == name and one.may("approve", queue, tenant) for one in known.holders.values()
        )

    def _newest(self) -> Known:
        if any(state_of(path) != seen for path, seen in self._tried.items()):
            try:
                self._known = self._read()
            except ReviewersError as error:
                self.told(str(error))
        return self._known

    def _read(self) -> Known:
        # Invariant: looked at before they are read, so that what changes meanwhile is read again.
        self._tried = {self.path: state_of(self.path)}
        roll, verifier = read_roll(self.path), None
        if roll.oidc is not None:
            keys = self.path.parent / roll.oidc.keys
            self._tried = {**self._tried, keys: state_of(keys)}
            verifier = make_verifier(self.path, roll.oidc, self._clock)
        listed = [
            (token, Reviewer(name=one.name, aliases=one.aliases, grants=(one,)))
            for one in roll.reviewer
            for token in one.tokens
        ]
        return Known(
            holders=dict(listed),
            names=frozenset(one.name for one in roll.reviewer),
            oidc=roll.oidc,
            verifier=verifier,
            claims=roll.claims,
        )


def read_roll(path: Path) -> Roll:
    """Return what the file at *path* says. Raises ReviewersError."""
    try:
        check_mode(path)
        text = read_plain(path, FILE_BYTES).decode()
        roll = msgspec.convert(tomllib.loads(text), Roll)
    except OSError as error:
        raise ReviewersError(f"cannot read the reviewers in {path}: {error.strerror}") from None
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        # A number of thousands of digits, and brackets without end, are more than bad TOML.
        raise ReviewersError(f"{path}: {error}") from None
    why = wrong_in(roll)
    if why:
        raise ReviewersError(f"{path}: {why}")
    return roll


def check_mode(path: Path) -> None:
    """Raise ReviewersError where everybody may write the file at *path*, and OSError.

    Whoever may write it may answer every review.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o002:
        raise ReviewersError(f"everybody may write {path}; run `chmod o-w {path}`")


def wrong_in(roll: Roll) -> str:
    """Return what is wrong with what *roll* says; empty where nothing is."""
    tokens = [token for one in roll.reviewer for token in one.tokens]
    if len(tokens) != len(set(tokens)):
        return "two reviewers have the same token"
    if roll.claims and roll.oidc is None:
        return "`[[claims]]` needs `[oidc]`"
    for one in roll.reviewer:
        try:
            check_name(one.name)
        except Refused as error:
            return f"reviewer: {error}"
    return ""


def make_verifier(path: Path, oidc: Oidc, clock: Callable[[], int]) -> Verifier:
    """Return what checks the tokens that *oidc* describes. Raises ReviewersError."""
    try:
        module = importlib.import_module("engine.service.oidc")
    except ImportError:
        raise ReviewersError(f"{path}: {MISSING}") from None
    made: Verifier = module.Tokens(oidc, path.parent / oidc.keys, clock)
    return made


def claimant(oidc: Oidc, claims: tuple[Claimed, ...], said: Mapping[str, object]) -> Reviewer:
    """Return whom a checked token tells of. Raises Unknown."""
    name = said.get(oidc.name)
    try:
        check_name(name if isinstance(name, str) else "")
    except Refused:
        raise Unknown(f"the token has no name in its claim `{oidc.name}`") from None
    others = [other for one in oidc.aliases for other in names_in(said.get(one))]
    return Reviewer(
        name=str(name),
        aliases=tuple(one for one in others if one != name),
        grants=tuple(one for one in claims if holds(said.get(one.claim), one.value)),
    )


def names_in(found: object) -> list[str]:
    """Return the names that a claim tells: it is one, or a list of them."""
    some = found if isinstance(found, list) else [found]
    return [one for one in some if isinstance(one, str)]


def holds(found: object, value: str) -> bool:
    """Return whether a claim is *value*, or a list that holds it."""
    match found:
        case str():
            return found == value
        case list():
            return value in found
        case _:
            return False


def hash_of(token: str) -> str:
    """Return what the file keeps of a token. Plain, since a token of ours cannot be guessed."""
    return f"sha256:{hashlib.sha256(token.encode(errors='surrogatepass')).hexdigest()}"


def new_token() -> str:
    """Return a token that cannot be guessed: 256 random bits."""
    return f"rev_{secrets.token_urlsafe(32)}"


def state_of(path: Path) -> object:
    """Return what differs once the file at *path* was changed or replaced, or may be read."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
