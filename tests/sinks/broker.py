"""librdkafka's cluster of brokers, in a process of its own: its addresses out, then it waits.

``python broker.py`` prints ``host:port,…``. On each line of standard input it prints what the
topic named there has by now, as JSON: a list of [key, value, id]. ``fail 10 10`` has the next two
answers to a producer be that code, ``lost TOPIC 3`` what is said of a topic; both print ``null``.
"""

from __future__ import annotations

import base64
import ctypes
import json
import sys
from pathlib import Path

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

PRODUCER = 0
PRODUCE = 0
"""The number of the request."""


class Cluster:
    """Brokers, by librdkafka's interface in C: the package for Python has none for failures."""

    def __init__(self, count: int) -> None:
        libraries = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
        (path,) = libraries.glob("librdkafka*")
        self._library = library = ctypes.CDLL(str(path))
        for name in ("conf_new", "new", "handle_mock_cluster"):
            getattr(library, f"rd_kafka_{name}").restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        settings = ctypes.c_void_p(library.rd_kafka_conf_new())
        for key, value in ((b"test.mock.num.brokers", str(count).encode()), (b"log_level", b"0")):
            assert library.rd_kafka_conf_set(settings, key, value, None, 0) == 0
        handle = ctypes.c_void_p(library.rd_kafka_new(PRODUCER, settings, None, 0))
        self._cluster = ctypes.c_void_p(library.rd_kafka_handle_mock_cluster(handle))
        self.servers = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def fail(self, codes: list[int]) -> None:
        """Answer so to the next batches of producers."""
        told = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(len(codes)), told
        )

    def lose(self, topic: str, code: int) -> None:
        """Answer so to who asks for *topic*."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), code)


def main() -> None:
    """Serve."""
    cluster = Cluster(3)
    print(cluster.servers, flush=True)  # noqa: T201 - how the test hears of it
    for line in sys.stdin:
        match line.split():
            case ["fail", *codes]:
                cluster.fail([int(one) for one in codes])
                found = None
            case ["lost", topic, code]:
                cluster.lose(topic, int(code))
                found = None
            case [topic]:
                found = read(cluster.servers, topic)
            case _:
                raise AssertionError(line)
        print(json.dumps(found), flush=True)  # noqa: T201


def read(servers: str, topic: str) -> list[tuple[str, str, str]]:
    """Return what *topic* has."""
    consumer = Consumer(
        {"bootstrap.servers": servers, "group.id": "g", "enable.auto.commit": False, "log_level": 0}
    )
    known = consumer.list_topics(topic, timeout=120).topics[topic].partitions
    places = [TopicPartition(topic, one, 0) for one in known]
    ends = {one.partition: consumer.get_watermark_offsets(one, timeout=120)[1] for one in places}
    consumer.assign(places)
    messages: list[tuple[str, str, str]] = []
    while len(messages) < sum(ends.values()):
        one = consumer.poll(120)
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
