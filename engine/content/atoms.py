"""A text in; what in it names something, in a form that does not depend on how it was written, out.

Two texts that name the same address, host, account or file have an *atom* in common, however each
spells it::

    "Mail Attacker@Evil.example"      ->  mail:attacker@evil.example  name:evil.example
    "https://evil.example/a?b=1"      ->  name:evil.example  url:evil.example/a …
    "DE89 3704 0044 0532 0130 00"     ->  digits:893704004405 …
    "+49 170 1234567", "01701234567"  ->  phone:01234567 …
    "1,250.00", "1.250,00", "1250"    ->  amount:1250

A host brings the names above it with it (``a.evil.example`` is at ``evil.example``), unless these
are everybody's, such as ``co.uk`` or ``gmail.com``. Moments of time are no atoms: every text has
some. What the *user* says has atoms for every way in which a value may be written that he means, a
path by its last parts for example; a *value* has those that must have been said for it to be known.

Everything here is linear in the text: chunks between blanks are cut before they are taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from engine.content.regex import compiled

Speaker = Literal["content", "user", "value"]
"""Of whom a text is: of anybody, of the user, or of a model that gives a value to a tool."""

LONGEST = 2048
"""Characters of a chunk that are looked at in one piece."""
OVERLAP = 256
"""So many of them again in the next."""
LOCAL = 64
MOST_LABELS = 16
MOST_PARTS = 8
"""Of a path, that are told apart."""
MIN_NAME = 4
MIN_PATH = 6
MIN_ID, MIN_ID_DIGITS = 8, 2
MIN_DIGITS, MAX_DIGITS = 6, 12
"""Of a number in one piece; and so many of a longer one are looked at."""
MIN_JOINED = 8
LONGEST_NUMBER = 64
MOST_PIECES = 8
"""Digits of a number in several pieces, at least and at most, and its pieces."""
PHONE, MIN_PHONE, MAX_PHONE = 8, 9, 15
"""The last digits of a phone number, which are the same with the country's code and without."""
MIN_AMOUNT = 4
MIN_HANDLE = 3
CODED = "xn--"
"""What a label in punycode begins with."""
TOP = 2
"""The least letters of the last part of a name, and the least parts."""

_SHARED = """
gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com
me.com mac.com aol.com proton.me protonmail.com gmx.de gmx.net gmx.com web.de t-online.de mail.com
freenet.de mail.ru yandex.ru yandex.com qq.com 163.com 126.com naver.com daum.net orange.fr free.fr
laposte.net libero.it wp.pl o2.pl seznam.cz zoho.com fastmail.com hey.com comcast.net verizon.net
att.net github.io gitlab.io herokuapp.com pages.dev workers.dev vercel.app netlify.app web.app
firebaseapp.com appspot.com run.app azurewebsites.net cloudfront.net amazonaws.com googleapis.com
googleusercontent.com windows.net r2.dev blogspot.com wordpress.com sharepoint.com
onmicrosoft.com myshopify.com zendesk.com atlassian.net slack.com ngrok.io ngrok-free.app
trycloudflare.com
"""
SHARED = frozenset(_SHARED.split())
"""Names at which everybody may have an address or a host of his own."""
SECOND = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "ne", "net", "or", "org"})
"""What stands before the code of a country in the names that it gives out."""
_FILES = """
bat bmp bz2 cfg cmd conf cpp crt css csv dll doc docx env exe gif gz htm html ini ipynb jar java
jpeg jpg js json jsx key lock log md mp3 mp4 odt pdf pem php pl png ppt pptx ps1 py rb rs rtf sh
sql svg tar tgz tmp toml ts tsx txt wav webp xls xlsx xml xz yaml yml zip
"""
FILES = frozenset(_FILES.split())
"""The ends of the names of files: what is before them is no host's."""

_chunk = re.compile(r"[^\s<>\"'`|^{}()\[\],;]+")
_pieces = re.compile(r"[\w.-]+")
LONG_NUMBER = re.compile("[0-9]{8}")
"""What is in a code that is told from others by its digits, however it is grouped."""
_code = re.compile(r"[\w-]+")
_local = re.compile(r"[\w.+%&~'-]{1,64}\Z")
_host = re.compile(r"[\w.-]+")
_group = re.compile(r"[0-9]+")
AMOUNT = re.compile(
    r"(?<![0-9])(?:[0-9]{1,3}(?:[ .,'\u2019\u00a0][0-9]{3})+|[0-9]{1,9})"
    r"(?:[.,][0-9]{1,2})?(?![0-9])"
)
_moment = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-./])[01]?[0-9]\1[0-3]?[0-9]"
    r"|(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]|[0-3]?[0-9]([-./])[0-3]?[0-9]\2(?:19|20)?[0-9]{2})(?![0-9])"
    r"(?:[t ][0-2][0-9]:?[0-5][0-9](?::?[0-5][0-9](?:[.,][0-9]{1,9})?)?"
    r"(?:z|[+-][0-9]{2}:?[0-9]{2})?)?"
    r"|(?<![0-9:])[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?(?![0-9:])"
)
_numeral = re.compile(r"[0-9][0-9:./t z+-]{3,}")
"""What `_moment` may match in: it begins with what a search is quick to find."""
_year = re.compile(r"(?:19|20)[0-9]{2}")
_gaps = frozenset((" ", "  ", "\n", "-", ".", "/", " (", ") ", ")", "(", " - ", " / ", "-(", ")-"))
_parts = re.compile(r"[=:&|]")
_edges = ".,:;!?*_'-"

_hidden_http = re.compile(r"hxxp(s?)(?=:|\[)")
_dot = re.compile(
    r"(?<=\w)[ \t]{0,3}[\[({<][ \t]{0,2}(?:dot|punkt|point|punto|\.)[ \t]{0,2}[\])}>]"
    r"[ \t]{0,3}(?=\w)"
    r"|(?<=\w)[ \t]{1,3}dot[ \t]{1,3}(?=\w)|(?<=\w)[ \t]{1,2}\.[ \t]{1,2}(?=\w)"
)
_at = re.compile(
    r"(?<=\w)[ \t]{0,3}[\[({<][ \t]{0,2}(?:at|\u00e4t|@)[ \t]{0,2}[\])}>][ \t]{0,3}(?=\w)"
    r"|(?<=\w)[ \t]{1,3}at[ \t]{1,3}(?=[\w-]{1,63}\.\w)|(?<=\w)[ \t]{1,2}@[ \t]{1,2}(?=\w)"
)
_roundabout = compiled(
    r"[\[({<]\s{0,2}(?:dot|punkt|point|punto|at|\x{e4}t|[.@])\s{0,2}[\])}>]|\sdot\s|\s[.@]\s"
    r"|\sat\s{1,3}[^\s.]{1,63}\.[^\s]|hxxp"
)
"""Occurs wherever `plainly` changes anything."""


def plainly(text: str) -> tuple[str, ...]:
    """Return *text*, and with ``ann [at] evil dot example`` and ``hxxp://`` as they are meant."""
    if not _roundabout.within(text.encode("utf-8", "replace")):
        return (text,)
    return text, _at.sub("@", _dot.sub(".", _hidden_http.sub(r"http\1", text)))


def find_atoms(text: str, of: Speaker = "content") -> Iterator[str]:
    """Yield the atoms of *text*, which is folded, in lower case and without moments; some twice."""
    for chunk in _chunk.findall(text):
        if not chunk.isalpha():
            for start in range(0, len(chunk), LONGEST - OVERLAP):
                yield from _in_chunk(chunk[start : start + LONGEST], of)
    yield from _numbers(text, of)


def without_moments(text: str) -> str:
    """Return *text* without dates and times."""
    return _numeral.sub(_timeless, text)


def _timeless(match: re.Match[str]) -> str:
    return _moment.sub(" ; ", match.group())


def _in_chunk(chunk: str, of: Speaker) -> Iterator[str]:
    bare = chunk.strip(_edges)
    if chunk[0] in "@#" and len(chunk) > MIN_HANDLE:
        yield f"handle:{chunk[1:].strip(_edges)}"
    if "://" in chunk:
        for piece in chunk.split("://")[1:]:
            yield from _url(piece)
    elif "/" in chunk or "\\" in chunk:
        yield from _path(bare.replace("\\", "/"), wide=of != "content")
    elif "." in bare and "@" not in bare:
        for piece in _pieces.findall(bare):
            yield from _dotted(piece)
    if "@" in chunk:
        yield from _mails(chunk)
    yield from _codes(bare, of)


def _mails(chunk: str) -> Iterator[str]:
    before, *rest = chunk.split("@")
    for behind in rest:
        local, host = _local.search(before[-LOCAL:]), _host.match(behind)
        if local and host:
            labels = _labels(host.group())
            if len(labels) >= TOP:
                domain = ".".join(labels)
                name = local.group().split("+")[0].replace(".", "").strip("'&~%")
                yield f"mail:{name}@{domain}"
                if domain not in SHARED:
                    yield from _names(labels)
        before = behind


def _url(piece: str) -> Iterator[str]:
    """Yield the atoms of a URL without its scheme: its host, and each part of its path."""
    ends = [place for sign in "/?#" if (place := piece.find(sign)) >= 0]
    authority = piece[: min(ends, default=len(piece))]
    *before, last = authority.replace("\\", "@").split("@")
    for user in before:  # Readers disagree on which of several names is the host's.
        yield from _dotted(user)
    labels = _labels(last.split(":")[0])
    if not labels:
        return
    host = ".".join(labels)
    if len(host) >= MIN_NAME:
        yield f"name:{host}"
        yield from _names(labels)
    path, _, query = piece[len(authority) :].partition("?")
    so_far = f"url:{host}"
    for part in [one for one in path.split("#")[0].split("/") if one][:MOST_PARTS]:
        so_far += f"/{part.rstrip(_edges)}"
        yield so_far
    if query:
        yield f"{so_far}?{query.rstrip(_edges)}"


def _path(bare: str, *, wide: bool) -> Iterator[str]:
    for piece in _parts.split(bare):
        first = piece.partition("/")[0]
        if "/" in piece and "." in first.strip(".") and _is_top(first.rpartition(".")[2]):
            yield from _url(piece)
        parts = [one for one in piece.split("/") if one.strip(".~")]
        if len(parts) == 1 or (wide and parts):
            yield from _dotted(parts[-1])
        starts = [0, *range(max(1, len(parts) - MOST_PARTS), len(parts) - 1)] if wide else [0]
        for start in starts if len(parts) > 1 else []:
            whole = "/".join(parts[start:])
            if len(whole) >= MIN_PATH:
                yield f"path:{whole}"


def _dotted(piece: str) -> Iterator[str]:
    """Yield the atoms of ``evil.example`` or ``notes.txt``."""
    labels = _labels(piece)
    if len(labels) >= TOP and _is_top(labels[-1]):
        yield f"name:{'.'.join(labels)}"
        if labels[-1] not in FILES:
            yield from _names(labels)


def _is_top(label: str) -> bool:
    return len(label) >= TOP and (label.isalpha() or label.startswith(CODED))


def _labels(host: str) -> list[str]:
    labels = [_shown(one) for one in host.split(".") if one.strip("-_")]
    return labels[1:] if labels[:1] == ["www"] and len(labels) > TOP else labels


def _shown(label: str) -> str:
    """Return the *label* of a host as it is shown, which punycode (RFC 3492) may hide."""
    if label.startswith(CODED) and len(label) <= LOCAL:
        with suppress(UnicodeError):
            return label[len(CODED) :].encode().decode("punycode").casefold()
    return label


def _names(labels: list[str]) -> Iterator[str]:
    """Yield the host with these *labels* and the hosts above it that are not everybody's."""
    if not _is_top(labels[-1]):
        return
    for start in range(max(0, len(labels) - MOST_LABELS), len(labels) - 1):
        last = labels[start:]
        name = ".".join(last)
        if name in SHARED or (len(last) == TOP and last[0] in SECOND and len(last[1]) == TOP):
            return
        yield f"name:{name}"


def _codes(bare: str, of: Speaker) -> Iterator[str]:
    """Yield ``inv20240815`` of ``INV-2024-0815``: letters and digits in one piece."""
    for code in _code.findall(bare):
        if of == "user":
            yield f"handle:{code}"
        joined = code.replace("-", "").replace("_", "")
        digits = sum(map(str.isdigit, joined)) if len(joined) >= MIN_ID else 0
        if MIN_ID_DIGITS <= digits < len(joined) and not (
            of == "value" and LONG_NUMBER.search(code)
        ):
            yield f"id:{joined}"


def _numbers(text: str, of: Speaker) -> Iterator[str]:
    if of != "value":
        for match in AMOUNT.finditer(text):
            amount = read_amount(match.group())
            if amount is not None:
                yield f"amount:{amount}"
    run: list[str] = []
    lead, end = False, -1
    for match in _group.finditer(text):
        start, group = match.start(), match.group()
        if end < 0 or text[end:start] not in _gaps:
            if len(run) > 1 or (run and len(run[0]) >= MIN_DIGITS):
                yield from _joined(run, of, lead=lead)
            run, lead = [], group[0] == "0" or text[start - 1 : start] == "+"
        run.append(group)
        end = match.end()
    yield from _joined(run, of, lead=lead)


def read_amount(text: str) -> str | None:
    """Return the number that *text* spells, bare; None for a small one or a year."""
    whole, point = text, ""
    if len(text) > TOP and (text[-2] in ".," or text[-3] in ".,"):
        place = max(text.rfind("."), text.rfind(","))
        whole, point = text[:place], text[place + 1 :].rstrip("0")
    digits = "".join(filter(str.isdigit, whole)).lstrip("0")
    if len(digits) < MIN_AMOUNT or (not point and whole == text and _year.fullmatch(text)):
        return None
    return f"{digits}.{point}" if point else digits


def _joined(run: list[str], of: Speaker, *, lead: bool) -> Iterator[str]:
    """Yield the numbers that neighbouring groups of digits make up.

    Of content all that begin and end anywhere, since nobody knows where one ends; of a value those
    that are as long as they can be: two accounts at one bank have a part in common. With a *lead*
    it is a phone number, of which only the end counts.
    """
    if of == "value":
        yield from _longest(run, lead=lead)
        return
    if of == "user":
        whole = "".join(run)[:LONGEST_NUMBER]
        for start in range(len(whole) - MIN_JOINED + 1):
            yield f"digits:{whole[start : start + MAX_DIGITS]}"
    for start, first in enumerate(run):
        if MIN_DIGITS <= len(first) < MIN_JOINED:
            yield f"digits:{first}"
        joined = ""
        for group in run[start : start + MOST_PIECES]:
            joined += group
            size = len(joined)
            if size >= MIN_JOINED:
                yield f"digits:{joined[:MAX_DIGITS]}"
                if MIN_PHONE <= size <= MAX_PHONE:
                    yield f"phone:{joined[-PHONE:]}"
                elif size > MAX_PHONE:
                    break


def _longest(run: list[str], *, lead: bool) -> Iterator[str]:
    if lead and MIN_PHONE <= sum(map(len, run)) <= MAX_PHONE:
        yield f"phone:{''.join(run)[-PHONE:]}"
        return
    for start, first in enumerate(run):
        if len(first) >= MIN_DIGITS:
            yield f"digits:{first[:MAX_DIGITS]}"
        joined = "".join(run[start : start + MAX_DIGITS])
        if len(joined) >= MIN_JOINED:
            yield f"digits:{joined[:MAX_DIGITS]}"
