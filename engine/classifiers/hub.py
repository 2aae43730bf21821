"""Declarations of classifiers in, their model servers ready to be asked out.

Policies are replaced while they decide. The classifiers of one policy set are a `Panel`, which
everyone holds who decides with it. A server that old and new policies declare alike keeps its
connections, cache and breaker; one that no panel has any more is closed with the last of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from engine.classifiers.asked import Asked
from engine.classifiers.call import Transport, late
from engine.classifiers.grpc_call import GrpcTransport
from engine.classifiers.http_call import HttpTransport
from engine.classifiers.line import Line
from engine.classifiers.tally import Tally
from engine.language.program import ClassifierDefinition
from engine.runtime.inquire import Question

Identity = tuple[str, str, float]


class Server:
    """One model server, for as long as somebody holds it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        # Invariant: the line does not know its server, or nothing would ever be let go.
        self.close = weakref.finalize(self, line.close)


class Panel:
    """The classifiers of one policy set, by name."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self._servers = servers

    def recall(self, question: Question) -> float | None:
        """Return the answer when it is remembered."""
        return self._servers[question.classifier].line.recall(question.text)

    def ask(self, questions: Sequence[Question]) -> list[Asked]:
        """Send *questions*, those to one server together."""
        texts: dict[str, list[str]] = {}
        for one in questions:
            texts.setdefault(one.classifier, []).append(one.text)
        asked: list[Asked] = []
        for name, some in texts.items():
            line = self._servers[name].line
            asked += [
                Asked(Question(name, text), future, line.seconds, late(line.seconds))
                for text, future in zip(some, line.ask(some), strict=True)
            ]
        return asked


def connect(endpoint: str) -> Transport:
    """Return what calls *endpoint*; nothing is sent yet."""
    if endpoint.startswith("http"):
        return HttpTransport(endpoint)
    return GrpcTransport(endpoint)


class Hub:
    """Makes panels. *key* keys the digests by which answers are remembered."""

    def __init__(
        self,
        key: bytes,
        *,
        clock: Callable[[], float] = monotonic,
        connect: Callable[[str], Transport] = connect,
    ) -> None:
        self.tally = Tally()
        self._key = key[:64]
        self._clock = clock
        self._connect = connect
        self._servers: weakref.WeakValueDictionary[Identity, Server] = weakref.WeakValueDictionary()

    def panel(self, definitions: Mapping[str, ClassifierDefinition]) -> Panel:
        """Return the servers that *definitions* declare; those that are known already are kept."""
        return Panel({name: self._server(one) for name, one in definitions.items()})

    def _server(self, definition: ClassifierDefinition) -> Server:
        seconds = definition.timeout.total_seconds()
        identity = (definition.name, definition.endpoint, seconds)
        found = self._servers.get(identity)
        if found is None:
            transport = self._connect(definition.endpoint)
            found = Server(
                Line(definition.name, seconds, transport, self._key, self.tally, self._clock)
            )
            self._servers[identity] = found
        return found

    def close(self) -> None:
        """Close every server."""
        for server in list(self._servers.values()):
            server.close()
