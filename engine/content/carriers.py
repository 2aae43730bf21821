"""Detectors of secrets on command lines and in files with a form of their own, without an assignment.

``sshpass -p hunter2 ssh …``, a line of ``.netrc``, an element of XML: what tells is the command, the
option or the form. The patterns are parts of the detectors of `assignments`.
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

import re

from engine.content.detectors import Pattern
from engine.content.secret_values import PLACEHOLDER, generic, password, said
from engine.content.validate import bits

WORD = r"[\"']?([^\s\"'<>|;&`]{3,100})"
"""An argument on a command line."""
LINE = r"(?:[^\n]|\\\n)"
"""A character of a command line, which may go on in the next."""
TEXT = r"\s{0,3}\\?[\"'][^\"'\n]{0,200}[\"']\s{0,3},"
"""An argument before the secret one, in quotes."""
QUOTED = r"\s{0,3}\\?[\"']([^\"'\n\\]{3,100})\\?[\"']"
SCORE = 0.85
PORT = 5
"""Digits of the number of a port, which ``-p`` often gives."""
MANIFEST = 1024
"""In so many bytes around the data of a manifest stands its kind."""
_secret_kind = re.compile(rb"(?:\A|\n)kind:[ \t]{0,4}[\"']?Secret\b")


def _given(text: str) -> int:
    """Return how much of *text* is a password on a command line: no reference, no option."""
    if text.startswith(("-", "/", "$", "%", "\\", "@", "!")) or (
        text.isdigit() and len(text) <= PORT
    ):
        return 0
    return said(text)


def _pair(text: str) -> int:
    """Return how much of *text*, ``user:password``, is one."""
    user, _, secret = (part.strip("\"'") for part in text.partition(":"))
    drawn = secret != user and bits(secret) > 0 and not PLACEHOLDER.fullmatch(secret)
    return (
        len(text)
        if drawn or (secret.startswith("{") and not PLACEHOLDER.fullmatch(secret[1:-1]))
        else 0
    )


def _said_xml(text: str) -> int:
    return password(text) or (said(text) if len(text) > 3 and text.isalnum() else 0)  # noqa: PLR2004


def _in_manifest(data: bytes, start: int, end: int) -> bool:
    """Return whether a manifest of the kind Secret, as Kubernetes reads, is around the place."""
    return _secret_kind.search(data[max(0, start - MANIFEST) : end + MANIFEST]) is not None


def command(regex: str, *keywords: str, before: int = 0, hint: str = "") -> Pattern:
    """Return a detector of the password in the arguments of a program."""
    return Pattern(f"(?i){regex}", SCORE, keywords, before, fit=_given, hint=hint)


COMMANDS = (
    command(rf"\bsshpass[ \t]{{1,3}}-p[ \t]{{0,3}}{WORD}", "sshpass"),
    command(
        rf"\b(?:mysql(?:dump|admin|import|check)?|mariadb(?:-dump)?)\b[^\n|;]{{0,200}}?[ \t]-(?-i:p){WORD}",
        "mysql", "mariadb", hint=r"(?i)(?:mysql|mariadb)[^\n]*[ \t]-p[^ \t\n]",
    ),
    command(
        rf"\b(?:psexec(?:64)?(?:\.exe)?|docker login|podman login|helm registry login|mongo(?:sh|dump|restore|export|import)?)\b[^\n|;]{{0,200}}?[ \t][-/]p[ \t]{{1,3}}{WORD}",
        "psexec", "docker login", "podman login", "helm registry login", "mongo", hint=r"(?i)[ \t][-/]p[ \t]",
    ),
    command(
        rf"\b(?:sqlcmd|bcp|osql|isql)\b[^\n|;]{{0,200}}?[ \t]-(?-i:P)[ \t]{{0,3}}{WORD}",
        "sqlcmd", "bcp", "osql", "isql", hint=r"[ \t]-P",
    ),
    command(rf"\b(?:plink|pscp|psftp)\b[^\n|;]{{0,200}}?[ \t]-pw[ \t]{{1,3}}{WORD}", "plink", "pscp", "psftp"),
    command(rf"\bredis-cli\b[^\n|;]{{0,200}}?[ \t]-(?:a|-pass)[ \t]{{1,3}}{WORD}", "redis-cli"),
    command(rf"\bldap(?:search|modify|add|delete|whoami|passwd)\b[^\n|;]{{0,200}}?[ \t]-w[ \t]{{0,3}}{WORD}", "ldap", hint=r"[ \t]-[wW]"),
    command(rf"\b(?:xfreerdp|rdesktop)\b[^\n|;]{{0,200}}?[ \t](?:/p:|-p[ \t]{{1,3}}){WORD}", "xfreerdp", "rdesktop"),
    command(rf"\bnet use\b[^\n]{{0,120}}?[ \t]/user:[^\s]{{1,60}}[ \t]{{1,3}}{WORD}", "net use"),
    command(rf"\bnet use[ \t]{{1,3}}(?:[A-Z*]:?[ \t]{{1,3}})?\\\\[^\s]{{1,100}}[ \t]{{1,3}}{WORD}[ \t]{{1,3}}/user:", "net use"),
    command(rf"\bnet user[ \t]{{1,3}}[^\s/]{{1,40}}[ \t]{{1,3}}{WORD}(?:[ \t]{{1,3}}/|[ \t]{{0,4}}(?:$|\n))", "net user"),
    command(rf"\b(?:smbclient|rpcclient|smbmap|net rpc)\b[^\n|;]{{0,200}}?[ \t]-U[ \t]{{0,3}}[\"']?[^\s%\"']{{1,60}}%{WORD}", "smbclient", "rpcclient", "smbmap", "net rpc"),
    command(rf"[ \t](?:--?(?:password|passwd|passphrase|storepass|keypass|srcstorepass|deststorepass)|--pass|-pass(?:in|out)[ \t]{{1,3}}pass:)(?:[ \t]{{1,3}}|=|\b){WORD}", "pass", before=16, hint=r"(?i)[ \t]-[a-z\-]*pass"),
    command(rf"\becho[ \t]{{1,3}}(?:-n[ \t]{{1,3}})?[\"']?[\w.\-]{{1,40}}:{WORD}[\"']?[ \t]{{0,3}}\|[ \t]{{0,3}}(?:sudo[ \t]{{1,3}})?chpasswd", "echo", hint="(?i)chpasswd"),
    command(rf"\becho[ \t]{{1,3}}(?:-n[ \t]{{1,3}})?{WORD}[\"']?[ \t]{{0,3}}\|[ \t]{{0,3}}(?:sudo[ \t]{{1,3}}-(?:S|-stdin)|docker login|podman login|gpg\b[^\n]{{0,80}}--passphrase-fd)", "echo", hint=r"(?i)\|[ \t]*(?:sudo|docker|podman|gpg)"),
    command(r"\bConvertTo-SecureString[ \t]{1,3}(?:-String[ \t]{1,3})?[\"']([^\"'\n$]{3,100})[\"'][^\n]{0,40}-AsPlainText", "convertto-securestring"),
    command(
        rf"\b(?:NetworkCredential|HTTPBasicAuth|PSCredential|UsernamePasswordCredentials?|PasswordAuthentication|BasicAWSCredentials)\({TEXT}{QUOTED}",
        "networkcredential", "httpbasicauth", "pscredential", "usernamepasswordcredential", "passwordauthentication", "basicawscredentials",
    ),
    command(rf"\bDirectoryEntry\({TEXT}{TEXT}{QUOTED}", "directoryentry"),
    command(r"\b(?:auth=\(|\.login\(|\.basic_auth\(|\.auth\()\s{0,3}[\"'][^\"'\n]{1,100}[\"']\s{0,3},\s{0,3}[\"']([^\"'\n]{3,100})[\"']\s{0,3}\)", "auth", "login", before=8, hint=r"(?i)(?:auth|login)(?:=\(|\()"),
)  # fmt: skip
"""Parts of ``secret.password``."""

FILES = (
    Pattern(
        # .netrc, in one line or several
        rf"(?i)\b(?:machine[ \t]{{1,4}}[^\s]{{1,120}}|default)\s{{1,8}}login\s{{1,8}}[^\s]{{1,80}}\s{{1,8}}password\s{{1,8}}{WORD}",
        SCORE, ("machine", "default"), hint=r"(?i)login\s+[^\s]+\s+password\s", fit=_given,
    ),
    Pattern(
        # .pgpass: host:port:database:user:password
        r"(?:^|\n)[\w.\-*]{1,100}:(?:5432|5433|6432|3306|\*):[\w\-*]{1,60}:[\w.\-*]{1,60}:([^\s:]{3,100})[ \t]{0,4}(?:\r?\n|$)",
        SCORE, (":5432:", ":5433:", ":6432:", ":3306:", ":*:"), before=102, fit=_given,
    ),
    Pattern(
        # The data of a manifest of Kubernetes, base64.
        r"(?:^|\n)(?:data|stringData):[ \t]*\r?\n((?:[ \t]+[^\s:]+:[ \t]+[^\r\n]+(?:\r?\n)?)+)",
        SCORE, ("data:",), before=7, guard=_in_manifest,
    ),
    Pattern(
        r"(?i)<[\w.\-:]{0,40}(?:passw(?:or)?d|passphrase|pwd)(?:[ \t][^<>\n]{0,80})?>\s{0,4}([^\s<>&]{3,120})\s{0,4}</",
        SCORE, ("passw", "passphrase", "pwd"), before=42, hint=r"(?i)(?:passw|passphrase|pwd)[^<>\n]*>\s*[^\s<>&]{3}[^\s<>&]*\s*</", fit=_said_xml,
    ),
)  # fmt: skip
"""Parts of ``secret.password`` too."""

ELEMENTS = (
    Pattern(
        r"(?i)<[\w.\-:]{0,40}(?:key|token|secret|credentials?)(?:[ \t][^<>\n]{0,80})?>\s{0,4}([A-Za-z0-9_.\-+/=~!@#$%^*?|]{10,256})\s{0,4}</",
        0.7, ("key", "token", "secret", "credential"), before=42, hint=r"(?i)(?:key|token|secret|credentials?)[^<>\n]*>\s*[A-Za-z0-9_.\-+/=~!@#$%^*?|]{10,}\s*</", prose=True, fit=generic,
    ),
)  # fmt: skip
"""Parts of ``secret.generic``: elements of XML."""

CURL = Pattern(
    rf"(?i)\bcurl\b{LINE}{{0,200}}?[ \t](?:-u|-U|--user|--proxy-user)[ \t=]{{0,3}}[\"']?(\"[^\s\"]{{1,64}}\":\"[^\s\"]{{3,100}}\"|[^\s\"':$<]{{1,64}}:[^\s\"'<]{{3,100}})",
    SCORE, ("curl",), hint=r"(?i)[ \t](?:-u|--user|--proxy-user)", fit=_pair,
)  # fmt: skip
"""A part of ``secret.http_auth``: the pair that curl, too, sends as one."""
