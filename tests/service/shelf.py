"""Classifiers without servers, for the tests of those who wait for them; and policies that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from engine.classifiers.asked import Asked
from engine.language.functions import Unknowable
from engine.language.program import ClassifierDefinition
from engine.runtime.inquire import Question

POLICIES = """
classifier toxicity { endpoint = "grpc://127.0.0.1:1" timeout = 5s on_failure = "escalate" }
policy talk {
  default allow
  rule toxic { when stage == "request" and classifier.toxicity(content) >= 0.9 then deny }
  rule cards { when content contains "card" then deny }
}
"""

NESTED = """
classifier gate { endpoint = "grpc://127.0.0.1:1" }
classifier inner { endpoint = "grpc://127.0.0.1:1" }
policy p {
  applies when classifier.gate(content) >= 0.5
  default allow
  rule r { when classifier.inner(content) >= 0.5 then deny }
}
"""

Reply = float | str | None
"""A score, why there is none, or nothing at all."""


class Shelf:
    """Classifiers that answer by the text, at once; it remembers what it was asked."""

    def __init__(self, replies: Mapping[str, Reply], seconds: float = 5.0) -> None:
        self.replies = replies
        self.seconds = seconds
        self.asked: list[Question] = []
        self.futures: list[Future[float]] = []
        self.known: dict[Question, float] = {}
        self.closed = False

    def panel(self, definitions: Mapping[str, ClassifierDefinition]) -> Shelf:
        assert definitions
        return self

    def recall(self, question: Question) -> float | None:
        return self.known.get(question)

    def ask(self, questions: Sequence[Question]) -> list[Asked]:
        made = []
        for one in questions:
            self.asked.append(one)
            future: Future[float] = Future()
            reply = self.replies.get(one.text)
            if isinstance(reply, float):
                future.set_result(reply)
            elif reply is not None:
                future.set_exception(Unknowable(reply))
            self.futures.append(future)
            made.append(Asked(one, future, self.seconds, "it did not answer within 40 ms"))
        return made

    def close(self) -> None:
        self.closed = True
