"""A bucket in; whether what is put into it cannot be deleted for a while, out.

GetObjectLockConfiguration, signed by AWS Signature Version 4. The storage client has no such call:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

from __future__ import annotations

import hmac
import http.client
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

from engine.sinks.handshake import told
from engine.sinks.sink import Away

EMPTY = sha256(b"").hexdigest()
MOST_ANSWER = 65536
FINE = 200
NONE = 404
MODES = ("GOVERNANCE", "COMPLIANCE")
SIGNED = "host;x-amz-content-sha256;x-amz-date"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, where it is, and by whose rights it is asked."""

    endpoint: str
    """``https://host``; the bucket's name is put behind it."""
    name: str
    region: str
    key_id: str
    secret: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a bucket does with new objects."""

    enabled: bool
    mode: str
    """GOVERNANCE, COMPLIANCE, or empty where there is no default."""
    time: str
    """``30 days``."""


def signed_headers(bucket: Bucket, host: str, path: str, now: datetime) -> dict[str, str]:
    """Return the headers of ``GET path?object-lock=`` at *now* (UTC)."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    day = moment[:8]
    headers = {"host": host, "x-amz-content-sha256": EMPTY, "x-amz-date": moment}
    signed = SIGNED
    if bucket.token:
        headers["x-amz-security-token"] = bucket.token
        signed += ";x-amz-security-token"
    lines = "".join(f"{name}:{headers[name]}\n" for name in signed.split(";"))
    request = f"GET\n{path}\nobject-lock=\n{lines}\n{signed}\n{EMPTY}"
    scope = f"{day}/{bucket.region}/s3/aws4_request"
    digest = sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    key = f"AWS4{bucket.secret}".encode()
    for part in (day, bucket.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={bucket.key_id}/{scope}, SignedHeaders={signed}, "
        f"Signature={signature}"
    )
    return headers


def read_lock(body: str) -> Lock:
    """Return what an ObjectLockConfiguration says."""
    mode = _inside(body, "Mode")
    days, years = _inside(body, "Days"), _inside(body, "Years")
    time = f"{days} days" if days else f"{years} years" if years else ""
    return Lock(
        _inside(body, "ObjectLockEnabled") == "Enabled", mode if mode in MODES else "", time
    )


def _inside(body: str, name: str) -> str:
    found = re.search(rf"<{name}>\s*([A-Za-z0-9]+)\s*</{name}>", body)
    return found[1] if found else ""


def ask(bucket: Bucket, now: datetime, context: ssl.SSLContext | None, timeout: float) -> Lock:
    """Return how *bucket* locks. Raises Away."""
    url = urlsplit(bucket.endpoint)
    path = f"{url.path.rstrip('/')}/{quote(bucket.name)}"
    host = url.netloc.rpartition("@")[2]
    connection = (
        http.client.HTTPSConnection(host, timeout=timeout, context=context)
        if url.scheme == "https"
        else http.client.HTTPConnection(host, timeout=timeout)
    )
    try:
        connection.request(
            "GET", f"{path}?object-lock=", headers=signed_headers(bucket, host, path, now)
        )
        answer = connection.getresponse()
        body = answer.read(MOST_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        why = f"the bucket cannot be asked about its lock ({type(error).__name__})"
        raise Away(told(error, why)) from None
    finally:
        connection.close()
    if answer.status == NONE and "ObjectLockConfigurationNotFound" in body:
        return Lock(enabled=False, mode="", time="")
    if answer.status != FINE:
        raise Away(f"the bucket answers {answer.status} when asked about its lock")
    return read_lock(body)


def require_lock(bucket: Bucket, wanted: str, found: Lock) -> None:
    """Return if *bucket*, which was *found* so, locks in the mode *wanted* ("any"). Raises Away."""
    if not found.enabled or not found.mode or not found.time:
        raise Away(
            f"the bucket {bucket.name} does not lock new objects: give it object lock with a "
            'default retention, or set `lock = "off"`'
        )
    if wanted != "any" and found.mode != wanted.upper():
        raise Away(f"the bucket {bucket.name} locks in mode {found.mode}, not {wanted.upper()}")
