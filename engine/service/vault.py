"""A tenant and bytes in, the same sealed under a key of the tenant's own out, and back, or not.

Each tenant has a data key, made when it is first needed and kept in a file of its own, sealed under
a key that is derived from the daemon's secret (AES-256-GCM, NIST SP 800-38D). To erase a tenant is
to take that file away: what was sealed stays where it is, and nobody can read it any more. ::

    keys/<hash of the tenant>     {"id": …, "tenant": …, "sealed": the key}
    sealed                        nonce | AES-256-GCM(key, what it says, bound to decision, tenant)

Processes share the folder; who makes or erases a key has it locked, so two that need a tenant's
first key at the same time get one. Each looks at the file before every use of the key, so an erased
key is used by nobody from then on, and nobody writes it down again: the next content of that tenant
is sealed under a new one.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from cachetools import LRUCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.service.keys import derive_key
from engine.storage.plain import plain_file

FOLDER = "audit-keys"
"""In the data folder, beside the trail and not in it: a copy of the trail has no keys."""

PURPOSE = "audit vault"
KEY_BITS = 256
NONCE_BYTES = 12
NAME_BYTES = 16
ID_BYTES = 8
REMEMBERED = 1024
"""Keys that are kept at hand."""

TRIES = 8
"""How often a key that is erased again and again is looked for."""


class VaultError(Exception):
    """Nothing can be sealed or opened; the text says why, without what it is about."""


class Erased(VaultError):
    """The key is gone for good."""


class Kept(msgspec.Struct, frozen=True):
    """What a key's file holds."""

    id: str
    tenant: str
    sealed: bytes


class Known(NamedTuple):
    """A key at hand, and which file it came from."""

    id: str
    cipher: AESGCM
    file: tuple[int, int, int]


class Vault:
    """Seals and opens for tenants, with keys in *folder*. One thread at a time."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        """Use *folder*, made if it is missing. Raises VaultError."""
        self.folder = folder
        self._cipher = AESGCM(derive_key(secret, PURPOSE))
        self._known: LRUCache[str, Known] = LRUCache(REMEMBERED)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise VaultError(f"cannot keep keys in {folder}: {error.strerror}") from None

    def seal(self, tenant: str, decision_id: str, data: bytes) -> tuple[str, str]:
        """Return the key's id and *data* sealed, in base64. Raises VaultError."""
        try:
            key = self._key(tenant)
        except OSError as error:
            raise VaultError(f"no key can be kept in {self.folder}: {error.strerror}") from None
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + key.cipher.encrypt(nonce, data, bound(tenant, decision_id, key.id))
        return key.id, base64.b64encode(sealed).decode()

    def open(self, tenant: str, decision_id: str, key_id: str, sealed: str) -> bytes:
        """Return what was sealed. Raises Erased and VaultError."""
        try:
            key = self._find(tenant)
        except OSError as error:
            raise VaultError(f"no key can be read in {self.folder}: {error.strerror}") from None
        if key is None or key.id != key_id:
            raise Erased("the key of this tenant was erased")
        try:
            data = base64.b64decode(sealed, validate=True)
            nonce, rest = data[:NONCE_BYTES], data[NONCE_BYTES:]
            return key.cipher.decrypt(nonce, rest, bound(tenant, decision_id, key_id))
        except (InvalidTag, ValueError):
            raise VaultError("it was sealed for another decision, or was changed") from None

    def _key(self, tenant: str) -> Known:
        """Return the tenant's key, a new one if there is none. Raises OSError and VaultError."""
        for _ in range(TRIES):
            found = self._find(tenant)
            if found is not None:
                return found
            self._make(tenant)
        raise VaultError("the key of this tenant is erased again and again")

    def _find(self, tenant: str) -> Known | None:
        """Return the tenant's key, if it is there now. Raises OSError and VaultError."""
        path = key_path(self.folder, tenant)
        known = self._known.get(tenant)
        try:
            if known is not None and known.file == identity(os.stat(path)):  # noqa: PTH116 - hot
                return known
            self._known.pop(tenant, None)
            with plain_file(path) as file:
                stamp, data = identity(os.fstat(file.fileno())), file.read()
        except FileNotFoundError:
            self._known.pop(tenant, None)
            return None
        key_id, key = self._unwrap(tenant, data)
        found = Known(key_id, AESGCM(key), stamp)
        self._known[tenant] = found
        return found

    def _unwrap(self, tenant: str, data: bytes) -> tuple[str, bytes]:
        try:
            kept = msgspec.json.decode(data, type=Kept)
            nonce, rest = kept.sealed[:NONCE_BYTES], kept.sealed[NONCE_BYTES:]
            return kept.id, self._cipher.decrypt(nonce, rest, bound(tenant, "", kept.id))
        except (InvalidTag, ValueError):  # What msgspec raises is a ValueError.
            raise VaultError(
                "the key of this tenant cannot be read: the secret is another, or it was changed"
            ) from None

    def _make(self, tenant: str) -> None:
        """Make a key, unless another process was faster. Raises OSError."""
        path = key_path(self.folder, tenant)
        key_id, nonce = secrets.token_hex(ID_BYTES), os.urandom(NONCE_BYTES)
        key = AESGCM.generate_key(KEY_BITS)
        sealed = nonce + self._cipher.encrypt(nonce, key, bound(tenant, "", key_id))
        with locked(self.folder):
            if not path.exists():
                write_whole(path, msgspec.json.encode(Kept(key_id, tenant, sealed)))


def bound(tenant: str, decision_id: str, key_id: str) -> bytes:
    """Return what a sealed thing is bound to."""
    return msgspec.json.encode((tenant, decision_id, key_id))


def identity(stat: os.stat_result) -> tuple[int, int, int]:
    """Return what tells a file from another that comes to stand in its place."""
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns


def key_path(folder: Path, tenant: str) -> Path:
    """Return where the key of *tenant* is, whose id may be no name of a file."""
    return folder / hashlib.sha256(tenant.encode()).hexdigest()[: 2 * NAME_BYTES]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have *folder* for oneself, among those who change keys; then bring its names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write *data* to *path*, which appears when all of it is on the disk. Raises OSError."""
    draft = draft_of(path)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """Return a new name under which nobody looks for a key."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def erase(folder: Path, tenant: str) -> str | None:
    """Take the key of *tenant* away for good; return its id, None where there was none.

    Safe while daemons use *folder*, and to be repeated. Raises OSError: then it may still be there.
    """
    if not folder.is_dir():
        return None
    path = key_path(folder, tenant)
    key_id = None
    with locked(folder):
        with contextlib.suppress(FileNotFoundError):
            # First out of sight: nobody is to find it half erased.
            path.rename(draft_of(path))
        for one in folder.glob(f".{path.name}.*"):
            key_id = wiped(one) or key_id
            one.unlink()
    return key_id


def wiped(path: Path) -> str | None:
    """Write zeros over a key's file, if the file system writes in place; return the key's id."""
    with path.open("r+b") as file:
        data = file.read()
        file.seek(0)
        file.write(bytes(len(data)))
        file.flush()
        os.fsync(file.fileno())
    try:
        return msgspec.json.decode(data, type=Kept).id
    except ValueError:  # Of a draft that was never finished.
        return None
