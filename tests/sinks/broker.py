"""librdkafka's cluster of brokers, in a process of its own: its addresses out, then it waits.

``python broker.py`` prints ``host:port,…``. On each line of standard input it prints what the
topic named there has by now, as JSON: a list of [key, value, id].
"""

from __future__ import annotations

import base64
import json
import sys

from confluent_kafka import Consumer, Producer, TopicPartition


def main() -> None:
    """Serve."""
    brokers = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 3, "log_level": 0})
    found = brokers.list_topics(timeout=30).brokers.values()
    servers = ",".join(f"{one.host}:{one.port}" for one in found)
    print(servers, flush=True)  # noqa: T201 - how the test hears of it
    for line in sys.stdin:
        print(json.dumps(read(servers, line.strip())), flush=True)  # noqa: T201


def read(servers: str, topic: str) -> list[tuple[str, str, str]]:
    """Return what *topic* has."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "g", "enable.auto.commit": False, "log_level": 0}
    )
    known = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    places = [TopicPartition(topic, one, 0) for one in known]
    ends = {one.partition: consumer.get_watermark_offsets(one, timeout=30)[1] for one in places}
    consumer.assign(places)
    messages: list[tuple[str, str, str]] = []
    while len(messages) < sum(ends.values()):
        one = consumer.poll(30)
        assert one is not None, "nothing more comes"
        assert one.error() is None, one.error()
        key, value, name = one.key(), one.value(), dict(one.headers() or [])["audit-id"]
        assert isinstance(value, bytes)
        assert isinstance(name, bytes)
        tenant = key.decode() if isinstance(key, bytes) else ""
        messages.append((tenant, base64.b64encode(value).decode(), name.decode()))
    consumer.close()
    return messages


if __name__ == "__main__":
    main()
