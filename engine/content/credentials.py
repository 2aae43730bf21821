"""Detectors of secrets (``secret.*``) with a shape of their own: private keys, JWTs, URLs, hashes, AWS."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import base64
import json
import re

from engine.content.detectors import Entity, Pattern
from engine.content.secret_values import PLACEHOLDER
from engine.content.secrets_shapes import TOKEN_SCORE, apart, bounded, drawn, token
from engine.content.validate import bits

LONG = 20
MIN_ARMORED = 20
"""Characters of base64 in the shortest key."""
JWK_REACH = 2048
_run = re.compile(r"[A-Za-z0-9+/=]{16,}")
_body = re.compile(
    r"(?:\s|\\+[nrt])*(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset)\b[^\n\\]*(?:\s|\\+[nrt])*)*"
    r"(?:[A-Za-z0-9+/=]{16,}(?:[\s\"',+#*>|]|\\+[nrt])+)*[A-Za-z0-9+/=]*"
)
"""The lines of a key without its last one, in a file, a string or a comment."""


def _jwt(text: str) -> bool:
    """Return whether the first part of *text* is a base64 JSON object, as the header of a JWT is.

    A long token that begins like one is one, though someone broke its header.
    """
    header, _, rest = text.partition(".")
    try:
        opened = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
        read = json.loads(opened)
    except ValueError:  # neither base64 nor UTF-8 nor JSON
        return len(header) >= LONG and len(rest.rpartition(".")[2]) >= LONG and "." in rest
    return isinstance(read, dict)


def _armored(text: str) -> int:
    """Return how much of *text*, which begins with the first line of a key, is the key; else 0."""
    head = text.index("KEY", 11)
    start = text.index("-----", head) + 5
    last = text.find("-----END", start)
    body = _body.match(text, start, len(text) if last < 0 else last)
    assert body is not None
    end = body.end() if last < 0 else len(text)
    inside = text[start : last if last >= 0 else end]
    return end if sum(map(len, _run.findall(inside))) >= MIN_ARMORED else 0


def _jwk(data: bytes, start: int, end: int) -> bool:
    """Return whether ``"kty"`` stands around: the member is one of a JSON Web Key (RFC 7517)."""
    return b'"kty"' in data[max(0, start - JWK_REACH) : end + JWK_REACH]


AWS = Entity(
    "secret.aws",
    "An AWS access key id, a secret access key behind a word that says so, or a Bedrock key.",
    (
        Pattern(
            r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z0-9]{16}",
            TOKEN_SCORE,
            keywords=(
                "a3t", "akia", "asia", "abia", "acca", "agpa", "aida", "aroa", "aipa", "anpa",
                "anva",
            ),
            hint=r"(?:A3T[A-Z0-9]|A[A-Z]{2}A)[A-Z0-9]{16}",
            guard=apart,
        ),
        Pattern(
            r"(?i)aws.{0,40}?(?:secret|key|token|sk).{0,40}?[=:\s\"'(>,|]([A-Za-z0-9/+]{40})",
            0.85,
            keywords=("aws",),
            guard=bounded,
            check=lambda text: bits(text) > 4,  # noqa: PLR2004 - 40 random characters have more
        ),
        Pattern(
            r"ABSK[A-Za-z0-9+/]{109,269}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{20,400}={0,2}",
            TOKEN_SCORE,
            keywords=("absk", "bedrock-api-key-"),
            guard=apart,
        ),
    ),
)  # fmt: skip

PRIVATE_KEY = Entity(
    "secret.private_key",
    "A private key: PEM, SSH2, PuTTY, age, WireGuard, JWK.",
    (
        Pattern(
            # Up to the next two hyphens: headers have single ones.
            r"-----BEGIN[ A-Z0-9_\-]{0,100}PRIVATE KEY(?: BLOCK)?-----(?:[^\-]|-[^\-])*"
            r"(?:-----END[ A-Z0-9_]{0,100}-----)?",
            TOKEN_SCORE,
            keywords=("-----begin",),
            fit=_armored,
        ),
        Pattern(
            r"---- BEGIN SSH2 [A-Z ]{0,30}PRIVATE KEY ----[^\-]{40,}(?:---- END SSH2 [A-Z ]{0,30}PRIVATE KEY ----)?",
            TOKEN_SCORE,
            keywords=("---- begin ssh2",),
        ),
        Pattern(
            r"(?i)(?:PrivateKey|PresharedKey)[ \t]{0,3}=[ \t]{0,3}([A-Za-z0-9+/]{43}=)",
            TOKEN_SCORE,
            keywords=("privatekey", "presharedkey"),
            check=drawn,
        ),
        Pattern(
            r"\"(?:d|k)\"\s{0,3}:\s{0,3}\"([A-Za-z0-9_\-]{22,700})\"",
            TOKEN_SCORE,
            keywords=('"d"', '"k"'),
            guard=_jwk,
            check=drawn,
        ),
        Pattern(
            r"PuTTY-User-Key-File-[23]: [^\x00]{0,400}?Private-Lines: [0-9]{1,4}[A-Za-z0-9+/=\s]{16,}",
            TOKEN_SCORE,
            keywords=("putty-user-key-file",),
        ),
        Pattern(
            r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
            TOKEN_SCORE,
            keywords=("age-secret-key-1",),
            guard=apart,
        ),
    ),
)

JWT = Entity(
    "secret.jwt",
    "A JSON Web Token, signed or not.",
    (
        Pattern(
            r"ey[A-Za-z0-9_\-]{8,}\.ey[A-Za-z0-9_\-/\\+]{8,}={0,2}"
            r"(?:\.[A-Za-z0-9_\-/\\+]{10,}={0,2}|\.)?",
            TOKEN_SCORE,
            keywords=("ey",),
            hint=r"\.ey[A-Za-z0-9_\-/\\+]{8}",
            guard=apart,
            check=_jwt,
        ),
    ),
)

CONNECTION_STRING = Entity(
    "secret.connection_string",
    "The password in a URL or in a database or storage connection string.",
    (
        Pattern(
            r"(?i)\b[a-z][a-z0-9+.\-]{1,30}://[^\s:/@\"'<>]{0,100}:([^\s/@\"'<>]{3,200})@[a-z0-9\[{$%]",
            0.85,
            keywords=("://",),
            before=32,
            hint=r"://[^\s:/@\"'<>]*:[^\s/@\"'<>]{3}",
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
        Pattern(
            # In the URL of a data store any word is a password, "secret" too.
            r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|oracle|clickhouse|jdbc:[a-z]{2,12})"
            r"(?:\+[a-z0-9]{1,12})?://[^\s:/@\"'<>]{0,100}:([^\s/@\"'<>${}*]{3,200})@[a-z0-9\[]",
            0.8,
            keywords=("://",),
            before=32,
            hint=r"://[^\s:/@\"'<>]*:[^\s/@\"'<>]{3}",
            check=lambda text: "xxx" not in text.lower(),
        ),
        Pattern(
            r"(?i)\b(?:user id|user|uid|username)\s?=\s?[^\s;\"'<>]{1,60};\s?(?:password|pwd)\s?=\s?([^\s;\"'<>${}*%]{3,100})[;\"']",
            0.8,
            keywords=("user", "uid"),
            hint=r"(?i);\s?(?:password|pwd)\s?=",
            check=lambda text: "xxx" not in text.lower(),
        ),
        Pattern(
            r"(?i);\s?(?:password|pwd|accesskey)\s?=\s?([^\s;\"'<>]{3,100})",
            0.85,
            keywords=("password", "pwd", "accesskey"),
            before=2,
            hint=r"(?i);\s?(?:password|pwd|accesskey)\s?=",
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
        Pattern(
            r"(?i);\s?(?:password|pwd)\s?=\s?\{([^{}\n]{3,100})\}",
            0.85,
            keywords=("password", "pwd"),
            before=2,
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
        Pattern(
            r"(?i)jdbc:oracle:thin:[^\s/@\"']{1,60}/([^\s/@\"']{3,100})@",
            0.85,
            keywords=("jdbc:oracle:thin:",),
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
        Pattern(
            r"(?i)(?:AccountKey|SharedAccessKey|SharedSecretValue)=([A-Za-z0-9+/]{40,90}={0,2})",
            TOKEN_SCORE,
            keywords=("accountkey", "sharedaccesskey", "sharedsecretvalue"),
            check=drawn,
        ),
    ),
)

HASH = Entity(
    "secret.hash",
    "A password hash: bcrypt, SHA-crypt, yescrypt, argon2, PBKDF2, scrypt, APR1, phpass, of LDAP, Windows or Kerberos.",
    (
        token(
            r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$(?:1|5|6|y|7|gy)\$[./A-Za-z0-9$=,]{20,120}"
            r"|\$argon2(?:id|i|d)\$[A-Za-z0-9$=,+/]{30,200}"
            r"|\$krb5(?:asrep|tgs)\$[0-9]{1,2}\$[A-Za-z0-9$*@._\-/]{32,1000}"
            r"|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|\$[PH]\$[./A-Za-z0-9]{31}"
            r"|\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{27,120}={0,2}"
            r"|pbkdf2_sha(?:1|256|512)\$[0-9]{4,8}\$[A-Za-z0-9]{8,40}\$[A-Za-z0-9+/]{20,90}={0,2}",
            "$2a$", "$2b$", "$2x$", "$2y$", "$1$", "$5$", "$6$", "$y$", "$7$", "$gy$", "$argon2", "$krb5", "$apr1$", "$p$", "$h$", "{sha", "{ssha", "pbkdf2_sha",
            large=True,
        ),
        token(r"[a-fA-F0-9]{32}:[a-fA-F0-9]{32}:::", ":::", before=65, hint="[a-fA-F0-9]{16}:::"),
    ),
)  # fmt: skip

CREDENTIALS = (AWS, PRIVATE_KEY, JWT, CONNECTION_STRING, HASH)
"""Entities of no one provider, and Amazon's."""
