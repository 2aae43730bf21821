"""What the settings ask the record to tell beside the decision: values, and perhaps content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from engine.runtime.decision import Decision
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.retell import Retold, Untold, retell
from engine.runtime.values import measured
from engine.runtime.witness import Seen
from engine.service.entries import ContentEntry
from engine.service.vault import Vault, VaultError

CHARACTERS = 20_000
ALL: frozenset[str] = frozenset()

_encode = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told. An empty set of *tenants*, *stages* or *actions* stands for all."""

    values: Literal["none", "restricted", "all"] = "restricted"
    """Whose values: nobody's, those of every decision but ``allow``, or of all."""
    content: Literal["none", "redacted"] = "none"
    tenants: frozenset[str] = ALL
    stages: frozenset[str] = ALL
    actions: frozenset[str] = ALL
    """Effective ones."""
    characters: int = CHARACTERS
    """How much of a content is kept, and of arguments."""
    vault: Vault | None = None
    """Seals the content, if there is one."""

    def wants_values(self, action: str) -> bool:
        """Return whether to tell the values behind a decision, or a reason, with *action*."""
        return self.values != "none" and (action != "allow" or self.values == "all")

    def wants_content(self, record: Record, decision: Decision) -> bool:
        """Return whether to keep the content of *record*."""
        return (
            self.content != "none"
            and (not self.tenants or record.tenant.id in self.tenants)
            and (not self.stages or record.stage in self.stages)
            and (not self.actions or decision.effective_action in self.actions)
        )


def content_entry(
    telling: Telling, policies: PolicySet, record: Record, seen: Seen | None, decision_id: str
) -> ContentEntry | None:
    """Return the content of *record* as it is kept; None where there is none.

    What cannot be redacted, or not be sealed, is not kept, and the entry says why.
    """
    try:
        made = entry_of(retell(policies, record, seen), telling.characters)
        if made is None or telling.vault is None:
            return made
        key, sealed = telling.vault.seal(record.tenant.id, decision_id, _encode(made))
    except (Untold, VaultError) as problem:
        return ContentEntry(missing=str(problem))
    return ContentEntry(sealed=sealed, key=key)


def entry_of(retold: Retold, characters: int) -> ContentEntry | None:
    """Return what is kept of *retold*: the first *characters*; None where nothing was said."""
    text, arguments = retold
    if not text and arguments is None:
        return None
    if arguments is not None:
        size = len(_encode(arguments))
        if size > characters:
            arguments = measured("json", size)
    cut = len(text) if len(text) > characters else 0
    return ContentEntry(text=text[:characters], arguments=arguments, cut=cut)
