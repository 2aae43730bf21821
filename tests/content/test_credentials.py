"""Secrets are put together here, so that nothing in this file looks like one."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import base64
import random
import string

import pytest

from engine.content.entities import ENTITIES
from engine.content.scan import build_scanner
from engine.content.secrets import PROVIDED

SCANNER = build_scanner((), {})
LETTERS = string.ascii_letters
MIXED = LETTERS + string.digits
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"


def made_of(alphabet: str, size: int) -> str:
    """Return a text that is random and the same in every run."""
    return "".join(random.Random(size).choices(alphabet, k=size))  # noqa: S311 - no secret


def pem(kind: str) -> str:
    lines = "\n".join(made_of(MIXED, 60) for _ in range(3))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


TOKENS = {
    "secret.anthropic": "sk-" + "ant-api03-" + made_of(MIXED, 40),
    "secret.artifactory": "AK" + "Cp" + made_of(MIXED, 69),
    "secret.atlassian": "ATA" + "TT3" + made_of(MIXED, 60),
    "secret.aws": "AK" + "IA" + made_of(BASE32, 16),
    "secret.azure": made_of(MIXED, 3) + "8" + "Q~" + made_of(MIXED, 34),
    "secret.clojars": "CLO" + "JARS_" + made_of(MIXED, 60),
    "secret.cloudflare": "v1.0-" + made_of(HEX, 24) + "-" + made_of(HEX, 146),
    "secret.databricks": "da" + "pi" + made_of(HEX, 32),
    "secret.digitalocean": "dop" + "_v1_" + made_of(HEX, 64),
    "secret.discord": "M" + made_of(MIXED, 23) + "." + made_of(MIXED, 6) + "." + made_of(MIXED, 27),
    "secret.docker": "dckr" + "_pat_" + made_of(MIXED, 27),
    "secret.doppler": "dp" + ".pt." + made_of(MIXED, 43),
    "secret.dtrack": "od" + "t_" + made_of(MIXED, 32),
    "secret.dynatrace": "dt0" + "c01." + made_of(BASE32, 24) + "." + made_of(BASE32, 64),
    "secret.easypost": "EZ" + "AK" + made_of(MIXED, 54),
    "secret.facebook": "EAA" + "M" + made_of(MIXED, 110),
    "secret.figma": "fig" + "d_" + made_of(MIXED, 44),
    "secret.fly": "fo" + "1_" + made_of(MIXED, 43),
    "secret.github": "gh" + "p_" + made_of(MIXED, 36),
    "secret.gitlab": "gl" + "pat-" + made_of(MIXED, 20),
    "secret.google": "AI" + "za" + made_of(MIXED, 35),
    "secret.grafana": "gl" + "sa_" + made_of(MIXED, 32) + "_" + made_of(HEX, 8),
    "secret.groq": "gs" + "k_" + made_of(MIXED, 52),
    "secret.hash": "$2" + "b$12$" + made_of(MIXED, 53),
    "secret.hashicorp": "hv" + "s." + made_of(MIXED, 90),
    "secret.huggingface": "hf" + "_" + made_of(LETTERS, 34),
    "secret.infracost": "ico" + "-" + made_of(MIXED, 32),
    "secret.jwt": encoded('{"alg":"none"}') + "." + encoded('{"sub":"123456"}') + "." + made_of(MIXED, 43),
    "secret.linear": "lin" + "_api_" + made_of(MIXED, 40),
    "secret.mailchimp": made_of(HEX, 32) + "-us" + "12",
    "secret.mailgun": "key" + "-" + made_of(HEX, 32),
    "secret.mapbox": "pk" + "." + made_of(MIXED, 60) + "." + made_of(MIXED, 22),
    "secret.newrelic": "NR" + "AK-" + made_of(BASE32, 27),
    "secret.notion": "nt" + "n_" + "12345678901" + made_of(MIXED, 35),
    "secret.npm": "np" + "m_" + made_of(MIXED, 36),
    "secret.onepassword": "A3" + "-ABC123-" + made_of(BASE32, 11) + ("-" + made_of(BASE32, 5)) * 3,
    "secret.openai": "sk-" + "proj-" + made_of(MIXED, 40),
    "secret.openshift": "sha" + "256~" + made_of(MIXED, 43),
    "secret.perplexity": "pp" + "lx-" + made_of(MIXED, 48),
    "secret.planetscale": "psc" + "ale_pw_" + made_of(MIXED, 40),
    "secret.postman": "PM" + "AK-" + made_of(HEX, 24) + "-" + made_of(HEX, 34),
    "secret.prefect": "pn" + "u_" + made_of(MIXED, 36),
    "secret.private_key": pem("RSA "),
    "secret.pulumi": "pu" + "l-" + made_of(HEX, 40),
    "secret.pypi": "py" + "pi-AgEI" + made_of(MIXED, 60),
    "secret.readme": "rd" + "me_" + made_of(string.ascii_lowercase + string.digits, 70),
    "secret.rubygems": "ruby" + "gems_" + made_of(HEX, 48),
    "secret.scalingo": "tk" + "-us-" + made_of(MIXED, 48),
    "secret.sendgrid": "S" + "G." + made_of(MIXED, 22) + "." + made_of(MIXED, 43),
    "secret.sentry": "sntry" + "s_ey" + "J" + made_of(MIXED, 60),
    "secret.shippo": "ship" + "po_live_" + made_of(HEX, 40),
    "secret.shopify": "sh" + "pat_" + made_of(HEX, 32),
    "secret.slack": "xo" + "xb-" + "123456789012-" + made_of(MIXED, 24),
    "secret.sourcegraph": "sg" + "p_" + made_of(HEX, 40),
    "secret.square": "sq0" + "atp-" + made_of(MIXED, 22),
    "secret.stripe": "sk" + "_live_" + made_of(MIXED, 24),
    "secret.tavily": "tv" + "ly-" + made_of(MIXED, 32),
    "secret.telegram": "1234567890" + ":A" + made_of(MIXED, 34),
    "secret.twilio": "S" + "K" + made_of(HEX, 32),
}  # fmt: skip


def texts(text: str, *entities: str) -> list[str]:
    return [text[one.start : one.end] for one in SCANNER.scan(text, frozenset(entities))]


@pytest.mark.parametrize("entity", sorted(TOKENS))
def test_a_token_is_found_in_prose_and_code(entity: str) -> None:
    token = TOKENS[entity]
    assert texts(f"the token is {token}, keep it", entity) == [token]
    assert texts(f'x = "{token}"\n', entity) == [token]


def test_every_secret_has_a_case() -> None:
    carried = {"secret.connection_string", "secret.generic", "secret.http_auth", "secret.password"}
    made = {entity.name for entity in PROVIDED}  # examples of these are made from their rows
    assert {name for name in ENTITIES if name.startswith("secret.")} == {*TOKENS, *carried, *made}


@pytest.mark.parametrize(
    "entity",
    sorted(set(TOKENS) - {"secret.aws", "secret.jwt", "secret.private_key", "secret.slack"}),
)
def test_placeholders_are_no_tokens(entity: str) -> None:
    prefix = TOKENS[entity][:5]
    assert texts(prefix + "x" * 60, entity) == []


def test_other_shapes_of_a_provider_are_found() -> None:
    key = made_of(MIXED + "/+", 40)
    assert texts(f"aws_secret_access_key = {key}", "secret.aws") == [key]
    assert texts("aws_secret_access_key = " + "a" * 40, "secret.aws") == []
    assert texts(pem("") + " " + pem("EC "), "secret.private_key") == [pem(""), pem("EC ")]
    assert texts("eyJhbasdGci.eyJzdWIiOiIx.abcdefghijkl", "secret.jwt") == []
    assert texts("eyJhbGci0.eyJzdWIiOiIx.abcdefghijkl", "secret.jwt") == []


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("secret.connection_string", "postgres://app:s3cr3t-pw@db:5432/x", ["s3cr3t-pw"]),
        ("secret.connection_string", "postgres://app:${PASSWORD}@db/x http://db:5432/", []),
        ("secret.connection_string", "Server=db;User Id=sa;Password=S3cr#t;", ["S3cr#t"]),
        (
            "secret.connection_string",
            "amqp://app:secret@mq:5672/ https://app:secret@mq/",
            ["secret"],
        ),
        ("secret.connection_string", "Server=db;User Id=sa;Password=secret;", ["secret"]),
        ("secret.connection_string", "redis://x:xxxxxx@db Uid=sa;Pwd=xxxxxx;", []),
        ("secret.password", 'db_password = "hunter2!x"', ["hunter2!x"]),
        ("secret.password", "the password is swordfish9.", ["swordfish9"]),
        ("secret.password", "Das Passwort lautet geheim!42", ["geheim!42"]),
        ("secret.password", 'password = os.environ["DB"], pwd: changeme, pass=xxxxx', []),
        ("secret.password", "compass: north-12, dbPass=x1y2z3!", ["x1y2z3"]),
        ("secret.password", "the password is required; passwords: should be long", []),
        ("secret.generic", 'API_KEY: "q8Zr2Lw0Xn5Tb7Kd"', ["q8Zr2Lw0Xn5Tb7Kd"]),
        ("secret.generic", '<add key="token" value="q8Zr2Lw0Xn5Tb7Kd" />', ["q8Zr2Lw0Xn5Tb7Kd"]),
        ("secret.generic", "my token is q8Zr2Lw0Xn5Tb7Kd and", ["q8Zr2Lw0Xn5Tb7Kd"]),
        ("secret.generic", "secret: kTqLwXbNzRpVsGhJ==", ["kTqLwXbNzRpVsGhJ=="]),
        ("secret.generic", "key: user_profile_settings, token = getToken.value1", []),
        ("secret.generic", "key=short1, key=2024-01-15T10:00, key = abcabcabcabc1", []),
        ("secret.generic", "key = https://example.org/a1b2c3d4e5f6, key: YOUR_API_KEY_123", []),
        ("secret.generic", "access = ThisIsMixedCaseWord", []),
        ("secret.generic", "the key abcdefgh1jklmnopqr is a word", []),
        ("secret.generic", "public_key = q8Zr2Lw0Xn5Tb7Kd, csrf-token=q8Zr2Lw0Xn5Tb7Kd", []),
        ("secret.generic", "secret_name: 'q8Zr2Lw0Xn5Tb7Kd', key_hash='q8Zr2Lw0Xn5Tb7Kd'", []),
        ("secret.password", "passport: M4567890, Passports: X1234567", []),
        ("secret.http_auth", "Authorization: Bearer q8Zr2Lw0Xn5Tb7", ["q8Zr2Lw0Xn5Tb7"]),
        ("secret.http_auth", "Authorization: Bearer ${TOKEN}", []),
        ("secret.http_auth", "Authorization: Bearer xxxxxxxxxx", []),
        ("secret.http_auth", "curl -u ann:pa55-w0rd https://x", ["ann:pa55-w0rd"]),
        ("secret.http_auth", "curl -u ann:password https://x", []),
    ],
)
def test_secrets_are_known_by_what_stands_around_them(
    entity: str, text: str, found: list[str]
) -> None:
    assert texts(text, entity) == found


def test_a_token_of_a_known_shape_is_not_generic_too() -> None:
    text = "token = " + TOKENS["secret.github"]
    assert [one.entity for one in SCANNER.scan(text, frozenset(ENTITIES))] == ["secret.github"]
