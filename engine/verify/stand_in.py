"""Values that hold personal data and secrets in; the same with made-up ones of their kinds out.

    "mail ann@acme.example now"   ->   "mail kim.lee@example.com now"

So that a request from production may lie in a repository, and still meets the rules it has met.
Where nobody has made up a value of a kind, its label stands in: ``[PASSPORT]``. A label that
redaction has left is taken for what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address

import msgspec

from engine.content.entities import ENTITIES, STRUCTURED
from engine.content.redact import label_of
from engine.language.types import DURATION, IP, JSON, STRING, TEXT, ListOf, SetOf, Type
from engine.runtime.policyset import PolicySet
from engine.verify.palette import contents
from engine.verify.samples import BUILT_IN

NAMES = {"pii.person": "Kim Lee"}
"""What only a tagger finds, in a sentence."""

LABEL = re.compile(r"\[([A-Z][A-Z_]*)\]")


@dataclass(slots=True)
class StandIns:
    """Puts made-up values in place; *replaced* names their kinds, *labelled* those without one."""

    policies: PolicySet
    samples: Mapping[str, str]
    replaced: set[str] = field(default_factory=set)
    labelled: set[str] = field(default_factory=set)

    def attribute(self, value: object, type_: Type) -> object:
        """Return an attribute of *type_*, as a review keeps it, as a door takes it; harmless.

        Private addresses stay, since rules ask for them; others are somebody's.
        """
        match type_:
            case _ if type_ == DURATION:
                return msgspec.convert(value, timedelta)
            case _ if type_ == IP and not ip_address(str(value)).is_private:
                self.replaced.add("pii.ip")
                return self.samples["pii.ip"]
            case _ if type_ in {STRING, TEXT, JSON}:
                return self.value(value)
            case SetOf(item) | ListOf(item) if isinstance(value, list):
                return [self.attribute(one, item) for one in value]
            case _:
                return value

    def value(self, value: object) -> object:
        """Return *value*, JSON, with every text in it made harmless."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(str(key)): self.value(one) for key, one in value.items()}
            case list() | tuple():
                return [self.value(one) for one in value]
            case _:
                return value

    def text(self, text: str) -> str:
        """Return *text* with made-up values in the place of what the detectors find in it."""
        return LABEL.sub(self._unlabelled, self._found_out(text))

    def _found_out(self, text: str) -> str:
        # An id is no prose: names and places are looked for in texts only.
        wanted = known(self.policies) if " " in text else STRUCTURED
        found = self.policies.senses.scanner.scan(text, wanted)
        made: list[str] = []
        end = 0
        for one in sorted(found, key=lambda one: (one.start, -one.end)):
            if one.start >= end:
                made += text[end : one.start], self._instead(one.entity)
            end = max(end, one.end)
        return "".join((*made, text[end:]))

    def _instead(self, entity: str) -> str:
        sample = self.samples.get(entity)
        if sample is None:
            self.labelled.add(entity)
            return f"[{label_of(entity)}]"
        self.replaced.add(entity)
        return sample

    def _unlabelled(self, label: re.Match[str]) -> str:
        for entity, sample in self.samples.items():
            if label_of(entity) == label[1]:
                self.replaced.add(entity)
                return sample
        return label[0]


def stand_ins(policies: PolicySet) -> StandIns:
    """Return what puts made-up values in place: ours, and those of the bundle's tests."""
    texts = [text for test in policies.program.tests for text in contents(test.steps)]
    samples: dict[str, str] = {**NAMES}
    for text in (*BUILT_IN.values(), *texts):
        for one in policies.senses.scanner.scan(text, known(policies)):
            samples.setdefault(one.entity, text[one.start : one.end])
    return StandIns(policies, samples)


def known(policies: PolicySet) -> frozenset[str]:
    """Return every entity that there is."""
    return frozenset(ENTITIES) | frozenset(policies.program.entities)
