"""Batches in, messages of a Kafka topic out, each acknowledged by all replicas in sync.

The producer is idempotent, so that what it repeats itself is there once; what is sent again after a
crash is there twice. The key is the tenant: what one tenant did stays in order. The record's id is
in the header ``audit-id``.

A broker refuses all that lies in one batch of the producer's for the sake of one record, or since
they are too large together: what it refused is sent again one by one, and only what is refused
alone is refused for good. A time that it does not accept is left to the broker; the record has it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from engine.sinks.batch import Batch, Item
from engine.sinks.handshake import tried
from engine.sinks.sink import Away, Outcome
from engine.sinks.web import need

ABOUT_IT = frozenset(
    {"InvalidTimestampError", "MessageSizeTooLargeError", "RecordListTooLargeError"}
)
"""Errors of a broker that are about what was sent."""
TIME = "InvalidTimestampError"
REMEDIES = {
    "InvalidTopicError": "`topic` is no name that it allows",
    "TopicAuthorizationFailedError": "we may not write to the topic; see `username`",
    "UnknownTopicOrPartitionError": "it has no such topic; see `topic`",
}
PART = 0.8
"""Of the time for a batch, how much one request may take: so that its own error is heard."""
LOOK_SECONDS = 3.0
STOP_SECONDS = 2.0


class KafkaSink:
    """Owns a producer. *options* are those of `aiokafka.AIOKafkaProducer`."""

    def __init__(self, topic: str, options: Mapping[str, object], timeout: float) -> None:
        """Raise SinkError where the client is not installed."""
        self._topic = topic
        self._options = dict(options)
        self._timeout = timeout
        self._client = need("aiokafka", "kafka")
        self._errors = need("aiokafka.errors", "kafka")
        self._producer: Any = None

    async def send(self, batch: Batch) -> Outcome:
        """Return when all brokers in sync have *batch*. Raises Away."""
        try:
            async with asyncio.timeout(self._timeout):
                if self._producer is None:
                    await self._connect()
                found = await asyncio.gather(
                    *(self._send(one) for one in batch.items), return_exceptions=True
                )
        except TimeoutError:
            await self.close()
            raise Away(f"no answer within {self._timeout:g} s") from None
        except self._errors.KafkaError as error:
            await self.close()
            raise Away(await self._why(f"no connection ({type(error).__name__})")) from None
        outcome = self._judged(found)
        if not outcome.again and not outcome.refused:
            return outcome
        await self.close()  # Its order of sequence numbers may be broken.
        return await self._one_by_one(batch, found, outcome)

    async def _one_by_one(
        self, batch: Batch, found: list[BaseException | None], outcome: Outcome
    ) -> Outcome:
        """Send alone what was refused among others, and return what became of all of it."""
        again, why = list(outcome.again), outcome.why
        refused = []
        for place, reason in outcome.refused:
            if isinstance(found[place], Longer):
                refused.append((place, reason))
                continue
            error = await self._alone(batch.items[place], timed=True)
            if error == TIME:
                error = await self._alone(batch.items[place], timed=False)
            if error in ABOUT_IT:
                refused.append((place, f"Kafka refuses it ({error})"))
            elif error:
                again.append(place)
                why = told_of(error)
        return Outcome(tuple(refused), tuple(sorted(again)), why)

    async def _alone(self, item: Item, *, timed: bool) -> str:
        """Send *item* and nothing else; return the name of the error, empty if it was taken."""
        try:
            async with asyncio.timeout(self._timeout):
                if self._producer is None:
                    await self._connect()
                await self._send(item, timed=timed)
        except (TimeoutError, self._errors.KafkaError) as error:
            name = type(error).__name__
        else:
            return ""
        await self.close()
        return name

    async def _why(self, otherwise: str) -> str:
        """Return why there is no connection: the client does not say what TLS says."""
        context = self._options.get("ssl_context")
        servers = self._options.get("bootstrap_servers")
        if not isinstance(context, ssl.SSLContext) or not isinstance(servers, list):
            return otherwise
        return await tried(servers[0], context, LOOK_SECONDS, otherwise)

    async def close(self) -> None:
        """Close the connections."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(TimeoutError, self._errors.KafkaError):
                async with asyncio.timeout(STOP_SECONDS):
                    await producer.stop()

    async def _connect(self) -> None:
        producer = self._client.AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=int(self._timeout * PART * 1000),
            **self._options,
        )
        try:
            await producer.start()
            self._producer = producer
        finally:
            if self._producer is None:
                await producer.stop()

    async def _send(self, item: Item, *, timed: bool = True) -> None:
        """Return when *item* is taken. Raises KafkaError, and Longer before anything is sent."""
        try:
            sent = await self._producer.send(
                self._topic,
                item.body,
                key=item.tenant.encode() or None,
                timestamp_ms=milliseconds(item.time) if timed else None,
                headers=[("audit-id", item.id.encode())],
            )
        except self._errors.MessageSizeTooLargeError:
            raise Longer from None
        await sent

    def _judged(self, found: list[BaseException | None]) -> Outcome:
        refused: list[tuple[int, str]] = []
        again: list[int] = []
        why = ""
        for place, error in enumerate(found):
            if error is None:
                continue
            name = type(error).__name__
            if isinstance(error, Longer):
                refused.append((place, "it is longer than a request to Kafka may be"))
            elif name in ABOUT_IT:
                refused.append((place, f"Kafka refuses it ({name})"))
            elif isinstance(error, self._errors.KafkaError):
                again.append(place)
                why = told_of(name)
            else:
                raise error
        return Outcome(tuple(refused), tuple(again), why)


class Longer(Exception):
    """A record is longer than a request may be."""


def told_of(name: str) -> str:
    """Return what an error of that name means, with the remedy."""
    remedy = REMEDIES.get(name, "")
    return f"Kafka did not take it ({name})" + (f": {remedy}" if remedy else "")


def milliseconds(text: str) -> int | None:
    """Return RFC 3339 as ms since the epoch; None where it is none."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return None
