"""Settings in, what the record is to tell beside the decision out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from engine.daemon.places import StartError
from engine.daemon.settings import Settings
from engine.runtime.decision import Action
from engine.runtime.evidence import ROLES
from engine.service.telling import Telling
from engine.service.vault import FOLDER, Vault


def telling_of(settings: Settings, data: Path, secret: bytes) -> Telling:
    """Return what is told, with the keys in the folder *data* where content is sealed.

    Raises StartError and VaultError.
    """
    chosen = settings.audit
    if chosen.encrypt and settings.state == "memory":
        raise StartError(
            "`audit.encrypt` needs keys that outlive the daemon, and with `state = memory` it has "
            "no data folder; keep the state in one"
        )
    sealing = chosen.encrypt and chosen.content != "none"
    return Telling(
        values=chosen.values,
        content=chosen.content,
        tenants=words_in(chosen.content_tenants),
        stages=known("audit.content_stages", chosen.content_stages, ROLES),
        actions=known("audit.content_actions", chosen.content_actions, get_args(Action)),
        characters=chosen.content_characters,
        vault=Vault(data / FOLDER, secret) if sealing else None,
    )


def words_in(text: str) -> frozenset[str]:
    """Return what stands between the commas of *text*."""
    return frozenset(filter(None, (one.strip() for one in text.split(","))))


def known(name: str, text: str, words: Iterable[str]) -> frozenset[str]:
    """Return what stands between the commas; raise StartError for what is none of *words*."""
    found = words_in(text)
    for one in sorted(found - set(words)):
        raise StartError(f"`{name}`: there is no `{one}`, only {', '.join(words)}")
    return found
