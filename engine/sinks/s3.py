"""Batches in, objects of a bucket out, one for each batch; nothing in it is ever written twice.

An object's name is made of what is in it, and it is only created: a batch that is sent again while
the daemon runs finds itself there. Object lock is the bucket's: `lock` asks before the first batch
whether new objects are kept by default (see `s3_lock`), since the client cannot ask for it with
each object.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.sinks.batch import Batch
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, SinkError
from engine.sinks.web import LEVEL, need

UNTRUSTED = re.compile(r"InvalidCertificate\(\s*(\w+)")
"""What rustls says of a certificate, in the debug text of an error."""
KIND = "application/x-ndjson"
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
        body = gzip.compress(batch.lines, LEVEL, mtime=0)
        try:
            async with asyncio.timeout(self._timeout):
                await self._obstore.put_async(
                    self._store,
                    name_of(batch),
                    body,
                    attributes={"Content-Type": KIND, "Content-Encoding": "gzip"},
                    mode="create",
                )
        except self._errors.AlreadyExistsError:
            return TAKEN
        except TimeoutError:
            raise Away(f"no answer within {self._timeout:g} s") from None
        except (self._errors.BaseError, OSError) as error:
            raise self._judged(error) from None
        return TAKEN

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
        if "EntityTooLarge" in str(error):
            return Refused("the object is too large")
        found = UNTRUSTED.search(str(error))
        if found:
            return Away(f"its certificate is not accepted: {found[1]}; see `ca_file`")
        return Away(f"the bucket did not take it ({type(error).__name__})")


RETRY = {"max_retries": 0}
"""Whoever sends tries again, and counts it."""


def name_of(batch: Batch) -> str:
    """Return the object's name: the day and time of the first record, and what is in it."""
    first = batch.items[0]
    day, _, clock = first.time.partition("T")
    if not clock:
        day, clock = "undated", "0"
    day = "/".join(one for one in day.split("-") if one.isalnum())
    clock = "".join(one for one in clock if one.isalnum())
    return f"{day}/{clock}-{batch.id}.jsonl.gz"
