from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from engine.service.reviewers import Reviewers, ReviewersError, Unknown
from engine.storage.reviews import SECOND
from tests.service.roll import ROLL, write_roll

NOW = 1_800_000_000
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "r"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "e"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "n"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "o"}),
}
OIDC = """
[oidc]
issuer = "https://id.example"
audience = "engine-reviews"
keys = "jwks.json"
algorithms = ["RS256", "ES256", "Ed25519", "EdDSA"]
name = "email"
aliases = ["sub", "nick"]

[[claims]]
claim = "groups"
value = "fraud"
queues = ["money"]
tenants = ["north"]
may = ["approve"]

[[claims]]
claim = "role"
value = "auditor"
queues = ["*"]
tenants = ["*"]
may = ["full"]
"""
SAID = {
    "iss": "https://id.example",
    "aud": ["other", "engine-reviews"],
    "exp": NOW + 60,
    "nbf": NOW - 60,
    "iat": NOW - 60,
    "sub": "u-17",
    "email": "Ann@example.com",
    "groups": ["fraud", "staff"],
}


def write_keys(folder: Path, *keys: Any, private: bool = False) -> None:
    held = [one.as_dict(private=private) for one in keys]
    (folder / "jwks.json").write_text(json.dumps({"keys": held}))


def reviewers(folder: Path, text: str = OIDC, told: list[str] | None = None) -> Reviewers:
    path = write_roll(folder, text)
    return Reviewers(path, ([] if told is None else told).append, lambda: NOW * SECOND)


def weak_key() -> RSAKey:
    with catch_warnings():
        simplefilter("ignore")
        return RSAKey.generate_key(1024)


@pytest.fixture
def asked(tmp_path: Path) -> Reviewers:
    write_keys(tmp_path, *KEYS.values())
    return reviewers(tmp_path)


def token(algorithm: str = "RS256", key: Any = None, **said: Any) -> str:
    key = KEYS[algorithm] if key is None else key
    claims = {name: value for name, value in {**SAID, **said}.items() if value is not None}
    with catch_warnings():
        simplefilter("ignore")
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])


@pytest.mark.parametrize("algorithm", [*KEYS])
def test_a_token_of_the_provider_says_who_comes(asked: Reviewers, algorithm: str) -> None:
    who = asked.who(token(algorithm))
    assert (who.name, who.aliases) == ("Ann@example.com", ("u-17",))
    assert who.may("approve", "money", "north")
    assert not who.may("full", "money", "north")
    assert not who.sees("money", "south")


def test_each_claim_gives_its_rights(asked: Reviewers) -> None:
    who = asked.who(token(role="auditor"))
    assert who.may("full", "people", "south")
    assert not who.may("approve", "people", "south")
    assert who.may("approve", "money", "north")
    nothing = asked.who(token(groups=7))
    assert not nothing.sees("money", "north")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"iss": "https://evil.example"}, "claim"),
        ({"iss": None}, "claim"),
        ({"aud": "other"}, "claim"),
        ({"aud": None}, "claim"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "claim"),
        ({"exp": "soon"}, "claim"),
        ({"nbf": NOW + 31}, "token"),
        ({"iat": NOW + 3600}, "token"),
        ({"email": None}, "no name in its claim `email`"),
        ({"email": ["a"]}, "no name in its claim `email`"),
        ({"email": "\u202egro"}, "no name in its claim `email`"),
    ],
)
def test_a_claim_that_does_not_hold_is_refused(
    asked: Reviewers, said: dict[str, Any], why: str
) -> None:
    with pytest.raises(Unknown, match=why):
        asked.who(token(**said))


def test_clocks_may_differ_by_the_leeway(asked: Reviewers) -> None:
    assert asked.who(token(exp=NOW - 29, nbf=NOW + 29, iat=NOW + 29)).name == "Ann@example.com"


def test_a_token_cannot_choose_how_it_is_checked(asked: Reviewers, tmp_path: Path) -> None:
    good = token()
    header, body, signature = good.split(".")
    public = (tmp_path / "jwks.json").read_bytes()
    tries = [
        f"{header}.{body}.",
        f"{header}.{body}.{signature[:-4]}AAAA",
        f"{header}.{token(email='eve@example.com').split('.')[1]}.{signature}",
        # "alg": "none", in two spellings
        f"eyJhbGciOiJub25lIn0.{body}.",
        f"eyJhbGciOiJOT05FIn0.{body}.{signature}",
        # signed with the public key as a password
        jwt.encode({"alg": "HS256", "kid": "r"}, SAID, OctKey.import_key(public)),
        token("RS256", RSAKey.generate_key(2048, {"kid": "r"})),
        token("ES256", ECKey.generate_key("P-256", {"kid": "nobody"})),
        "..",
        "a.b.c",
        "é.ü.ß",
        "\udc80.b.c",
    ]
    for one in tries:
        with pytest.raises(Unknown):
            asked.who(one)
    key = OctKey.generate_key(128)
    sealed = jwe.encrypt_compact({"alg": "dir", "enc": "A128GCM"}, body, key)
    with pytest.raises(Unknown):
        asked.who(sealed)


def test_an_algorithm_that_is_not_named_is_refused(tmp_path: Path) -> None:
    write_keys(tmp_path, *KEYS.values())
    only = reviewers(tmp_path, OIDC.replace('"RS256", "ES256", "Ed25519", "EdDSA"', '"ES256"'))
    assert only.who(token("ES256")).name == "Ann@example.com"
    with pytest.raises(Unknown):
        only.who(token("RS256"))


def test_keys_are_read_again_when_they_change(tmp_path: Path) -> None:
    write_keys(tmp_path, KEYS["RS256"])
    told: list[str] = []
    asked = reviewers(tmp_path, OIDC, told)
    new = RSAKey.generate_key(2048, {"kid": "new"})
    with pytest.raises(Unknown):
        asked.who(token(key=new))
    (tmp_path / "jwks.json").write_text("{")
    assert asked.who(token()).name == "Ann@example.com"
    assert "no set of public keys" in told[0]
    write_keys(tmp_path, new)
    assert asked.who(token(key=new)).name == "Ann@example.com"
    with pytest.raises(Unknown):
        asked.who(token())


def test_keys_that_come_after_the_file_that_names_them_are_read(tmp_path: Path) -> None:
    told: list[str] = []
    asked = reviewers(tmp_path, ROLL, told)
    write_roll(tmp_path, ROLL + OIDC)
    with pytest.raises(Unknown):
        asked.who(token())
    assert "cannot read the keys" in told[0]
    write_keys(tmp_path, *KEYS.values())
    assert asked.who(token()).name == "Ann@example.com"
    assert len(told) == 1


def test_reviewers_of_the_file_and_of_the_provider_stand_side_by_side(tmp_path: Path) -> None:
    write_keys(tmp_path, *KEYS.values())
    both = reviewers(tmp_path, ROLL + OIDC)
    assert both.who("bob's").name == "bob"
    assert both.who(token()).name == "Ann@example.com"
    assert both.takes("somebody@example.com", "money", "north")
    assert not both.takes("cid", "money", "north")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (lambda: [OctKey.generate_key(256)], "only public keys"),
        (lambda: [weak_key()], "2048 bits"),
        (list, "no set of public keys"),
    ],
)
def test_keys_that_cannot_be_used_stop_the_start(tmp_path: Path, keys: Any, why: str) -> None:
    write_keys(tmp_path, *keys())
    with pytest.raises(ReviewersError, match=why):
        reviewers(tmp_path)


def test_private_keys_and_no_keys_stop_the_start(tmp_path: Path) -> None:
    write_keys(tmp_path, KEYS["ES256"], private=True)
    with pytest.raises(ReviewersError, match="only public keys"):
        reviewers(tmp_path)
    for text in ("", "[]", '{"keys": 1}', '{"keys": [{"kty": "RSA"}]}', "[" * 100_000):
        (tmp_path / "jwks.json").write_text(text)
        with pytest.raises(ReviewersError, match=r"jwks\.json"):
            reviewers(tmp_path)
    (tmp_path / "jwks.json").unlink()
    with pytest.raises(ReviewersError, match="cannot read the keys"):
        reviewers(tmp_path)


def test_only_algorithms_in_which_the_daemon_cannot_sign_may_be_named(tmp_path: Path) -> None:
    write_keys(tmp_path, *KEYS.values())
    for name in ("HS256", "none"):
        with pytest.raises(ReviewersError, match=name):
            reviewers(tmp_path, OIDC.replace('"RS256", ', f'"{name}", '))


def test_nobody_waits_for_a_pipe_in_the_place_of_the_keys(tmp_path: Path) -> None:
    write_keys(tmp_path, *KEYS.values())
    told: list[str] = []
    asked = reviewers(tmp_path, told=told)
    (tmp_path / "jwks.json").unlink()
    os.mkfifo(tmp_path / "jwks.json")
    assert asked.who(token()).name == "Ann@example.com"
    assert told == [f"cannot read the keys in {tmp_path / 'jwks.json'}: it is no regular file"]


def test_a_set_of_keys_is_what_providers_publish(tmp_path: Path) -> None:
    published = KeySet(list(KEYS.values())).as_dict(private=False)
    (tmp_path / "jwks.json").write_text(json.dumps(published))
    assert reviewers(tmp_path).who(token("EdDSA")).name == "Ann@example.com"


def test_a_claim_that_is_a_list_tells_other_names_too(asked: Reviewers) -> None:
    who = asked.who(token(nick=["annie", 7, "Ann@example.com", "a.smith"]))
    assert who.aliases == ("u-17", "annie", "a.smith")


def test_keys_that_everybody_may_write_are_refused(tmp_path: Path) -> None:
    write_keys(tmp_path, *KEYS.values())
    (tmp_path / "jwks.json").chmod(0o666)
    with pytest.raises(ReviewersError, match=r"everybody may write .*jwks\.json; run `chmod o-w"):
        reviewers(tmp_path)
