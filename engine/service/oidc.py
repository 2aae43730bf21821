"""A token of an identity provider in, its claims out once everything about it was checked.

Nothing is asked of the provider: its keys are in a file. The algorithms are those that the
deployment names, asymmetric ones only, so a token can choose neither ``none`` nor to be checked
with a public key as a password. Signature, issuer, audience, ``exp``, ``nbf`` and ``iat`` (RFC
7519) must hold, within a small leeway for clocks that differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from warnings import catch_warnings, simplefilter

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from engine.service.plain import read_plain
from engine.service.reviewers import Oidc, ReviewersError, Unknown, check_mode
from engine.storage.reviews import SECOND

ALGORITHMS = frozenset(
    (
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "Ed25519",
        "EdDSA",
    )
)
"""What may be named: those in which the daemon cannot sign."""

SMALLEST_RSA = 2048


class Tokens:
    """Checks tokens against the keys of a file."""

    def __init__(self, oidc: Oidc, keys: Path, clock: Callable[[], int]) -> None:
        """Read the JWK set in *keys*. Raises ReviewersError."""
        strange = sorted(set(oidc.algorithms) - ALGORITHMS)
        if strange:
            raise ReviewersError(
                f"`oidc.algorithms`: `{strange[0]}` is none of {', '.join(sorted(ALGORITHMS))}"
            )
        self._algorithms = list(oidc.algorithms)
        self._keys = read_keys(keys)
        self._checks = jwt.JWTClaimsRegistry(
            now=lambda: clock() // SECOND,
            leeway=oidc.leeway_seconds,
            iss={"essential": True, "value": oidc.issuer},
            aud={"essential": True, "value": oidc.audience},
            exp={"essential": True},
        )

    def claims(self, token: str) -> Mapping[str, object]:
        """Return what *token* claims. Raises Unknown."""
        try:
            with catch_warnings():
                simplefilter("ignore")  # `EdDSA` is an old name by now (RFC 9864), and in wide use.
                found = jwt.decode(token, self._keys, algorithms=self._algorithms)
            self._checks.validate(found.claims)
        except JoseError as error:
            raise Unknown(f"the token is not taken: {error.error}") from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Unknown("the token is not taken: it is none") from None
        return found.claims


def read_keys(path: Path) -> KeySet:
    """Return the keys in the file at *path*. Raises ReviewersError."""
    try:
        check_mode(path)
        with catch_warnings():
            simplefilter("ignore")  # What is too weak is refused below.
            found = KeySet.import_key_set(json.loads(read_plain(path).decode()))
    except OSError as error:
        raise ReviewersError(f"cannot read the keys in {path}: {error.strerror}") from None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ReviewersError(f"{path} holds no set of public keys (a JWK set)") from None
    for key in found.keys:
        if not isinstance(key, RSAKey | ECKey | OKPKey) or key.is_private:
            raise ReviewersError(f"{path}: only public keys belong there, of RSA, EC or OKP")
        if isinstance(key, RSAKey) and key.raw_value.key_size < SMALLEST_RSA:
            raise ReviewersError(f"{path}: an RSA key has {SMALLEST_RSA} bits at least")
    return found
