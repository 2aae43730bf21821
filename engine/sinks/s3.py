"""Batches in, objects of a bucket out, one for each batch; nothing in it is ever written twice.

An object's name holds a hash of what is in it, and it is only created: a batch that is sent again
while the daemon runs finds itself there, and nobody else can have put it there. That another write
is under way (409) does not say that it is there: it is looked for. Object lock is the bucket's:
`lock` asks before the first batch whether new objects are kept by default (see `s3_lock`), since
the client cannot ask for it with each object.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

from engine.sinks.batch import Batch
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, SinkError
from engine.sinks.web import LEVEL, need

UNTRUSTED = re.compile(r"InvalidCertificate\(\s*(\w+)")
"""What rustls says of a certificate, in the debug text of an error."""
KIND = "application/x-ndjson"
STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
"""What a bucket answers, in the text of an error; its words may quote what it was sent."""
EXISTS = frozenset({"304", "412"})
AZURE_EXISTS = "BlobAlreadyExists"
TOO_LARGE = frozenset({"413", "EntityTooLarge", "RequestBodyTooLarge"})
REMEDIES = {
    "AccessDenied": "see `key_id`, and the bucket's policy",
    "AuthorizationHeaderMalformed": "see `region`",
    "ExpiredToken": "see `session`",
    "InvalidAccessKeyId": "see `key_id`",
    "NoSuchBucket": "see `url`",
    "PermanentRedirect": "see `region` and `endpoint`",
    "RequestTimeTooSkewed": "see this machine's clock",
    "SignatureDoesNotMatch": "see `secret`",
}
CHECK_AGAIN = 1000
"""Batches after which the bucket is asked about its lock again."""


class S3Sink:
    """Puts batches under *url*. *config* is that of `obstore.store.from_url`.

    *check* raises Away where the bucket does not lock what is put into it.
    """

    def __init__(
        self,
        url: str,
        config: Mapping[str, object],
        client: Mapping[str, object],
        check: Callable[[], Awaitable[None]] | None,
        timeout: float,
    ) -> None:
        """Raise SinkError where the client is not installed or the settings are none."""
        self._obstore = need("obstore", "s3")
        self._stores = need("obstore.store", "s3")
        self._errors = need("obstore.exceptions", "s3")
        self._url = url
        self._config = dict(config)
        self._client = dict(client)
        self._check = check
        self._timeout = timeout
        self._store: Any = None
        self._checked = 0
        self._open()

    async def send(self, batch: Batch) -> Outcome:
        """Return when the bucket has *batch*. Raises Away and Refused."""
        if self._store is None:
            self._open()
        if self._check is not None and not self._checked:
            await self._check()
        self._checked = (self._checked + 1) % CHECK_AGAIN
        body, name = gzip.compress(batch.lines, LEVEL, mtime=0), name_of(batch)
        try:
            async with asyncio.timeout(self._timeout):
                await self._obstore.put_async(
                    self._store,
                    name,
                    body,
                    attributes={"Content-Type": KIND, "Content-Encoding": "gzip"},
                    mode="create",
                )
        except self._errors.AlreadyExistsError as error:
            answered = str(error)
        except TimeoutError:
            raise Away(f"no answer within {self._timeout:g} s") from None
        except (self._errors.BaseError, OSError) as error:
            raise self._judged(error) from None
        else:
            return TAKEN
        await self._look(name, answered)
        return TAKEN

    async def _look(self, name: str, answered: str) -> None:
        """Return if *name* is there, of which the client says so. Raises Away."""
        status, code = STATUS.search(answered), CODE.search(answered)
        if (status and status[1] in EXISTS) or (code and code[1] == AZURE_EXISTS):
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._obstore.head_async(self._store, name)
        except (TimeoutError, self._errors.BaseError, OSError):
            what = code[1] if code else "that another write is under way"
            raise Away(f"the bucket did not take it: it answers {what}") from None

    async def close(self) -> None:
        """Forget the connections, and that the bucket was asked."""
        self._store = None
        self._checked = 0

    def _open(self) -> None:
        try:
            self._store = self._stores.from_url(
                self._url, config=self._config, client_options=self._client, retry_config=RETRY
            )
        except (self._errors.BaseError, ValueError) as error:
            raise SinkError(
                f"`url`: no bucket can be reached by it ({type(error).__name__})"
            ) from None

    def _judged(self, error: Exception) -> Away | Refused:
        text = str(error)
        found = UNTRUSTED.search(text)
        if found:
            return Away(f"its certificate is not accepted: {found[1]}; see `ca_file`")
        status, code = STATUS.search(text), CODE.search(text)
        told = [one[1] for one in (status, code) if one]
        if not TOO_LARGE.isdisjoint(told):
            return Refused("the object is too large")
        why = f"it answers {' '.join(told)}" if told else type(error).__name__
        remedy = REMEDIES.get(code[1], "") if code else ""
        if "configured region" in text:
            remedy = REMEDIES["PermanentRedirect"]
        return Away(f"the bucket did not take it: {why}" + (f"; {remedy}" if remedy else ""))


RETRY = {"max_retries": 0}
"""Whoever sends tries again, and counts it."""


def name_of(batch: Batch) -> str:
    """Return the object's name: the day and time of the first record, and a hash of all of it."""
    first = batch.items[0]
    day, _, clock = first.time.partition("T")
    if not clock:
        day, clock = "undated", "0"
    day = "/".join(one for one in day.split("-") if one.isalnum())
    clock = "".join(one for one in clock if one.isalnum())
    return f"{day}/{clock}-{sha256(batch.lines).hexdigest()[:32]}.jsonl.gz"
