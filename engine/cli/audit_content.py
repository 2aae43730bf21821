"""A record's fields in; the same with its content readable, or with only how much there is, out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.service.entries import ContentEntry
from engine.service.keys import KeyFileError, load_key
from engine.service.vault import FOLDER, Erased, Vault, VaultError

KEY_VARIABLE = "ENGINE_SECRET_KEY_FILE"

Fields = Mapping[str, object]


def hide(fields: Fields) -> Fields:
    """Return *fields* with the content told by its size: it is shown to who asks for it."""
    found = content_of(fields)
    if found is None or found.missing:
        return fields
    if found.sealed:
        told: Fields = {"sealed": True, "key": found.key}
    else:
        told = {
            "characters": found.cut or len(found.text),
            "arguments": found.arguments is not None,
        }
    return {**fields, "content": told}


def reveal(fields: Fields, data: Path) -> Fields:
    """Return *fields* with the content opened with the keys in the *data* folder.

    What cannot be opened says why, as ``{"erased": true}`` where the tenant was erased.
    """
    found = content_of(fields)
    if found is None or not found.sealed:
        return fields
    told: Fields
    try:
        secret = load_key(secret_file(data))
        vault = Vault(data / FOLDER, secret)
        opened = vault.open(
            str(fields.get("tenant", "")),
            str(fields.get("decision_id", "")),
            found.key,
            found.sealed,
        )
        told = msgspec.json.decode(opened, type=dict[str, object])
    except Erased as error:
        told = {"erased": True, "why": str(error)}
    except (KeyFileError, VaultError, msgspec.DecodeError) as error:
        told = {"unreadable": True, "why": str(error)}
    return {**fields, "content": told}


def secret_file(data: Path) -> Path:
    """Return where the daemon's secret is. Raises KeyFileError: it is not made here."""
    path = Path(os.environ.get(KEY_VARIABLE) or data / "secret.key")
    if not path.exists():
        raise KeyFileError(
            f"it is sealed with the daemon's secret, and {path} is not there; name the file in "
            f"{KEY_VARIABLE}"
        )
    return path


def content_of(fields: Fields) -> ContentEntry | None:
    """Return the content among *fields*; None where there is none, or something else."""
    try:
        return msgspec.convert(fields.get("content"), ContentEntry | None)
    except msgspec.ValidationError:
        return None
