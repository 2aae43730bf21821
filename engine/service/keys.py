"""A key file in, the secret of hashes, tokens and review ids out; made on the first start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path

from engine.remedies import remedy_for
from engine.service.plain import read_plain

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key file cannot be used; the text names it and the remedy."""


def load_key(path: Path) -> bytes:
    """Return the 32 bytes that *path* holds in hexadecimal; make the file when there is none.

    Raises KeyFileError when it cannot be read or made, is not a key, or others may read it.
    """
    if not path.exists():
        try:
            make_key(path)
        except OSError as error:
            remedy = remedy_for(error, "make its folder writable or set `secret_key_file`")
            raise KeyFileError(
                f"cannot make the key file {path}: {error.strerror}; {remedy}"
            ) from None
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = read_plain(path).decode("ascii", "replace").strip()
    except OSError as error:
        remedy = remedy_for(error, "check its owner and mode")
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}; {remedy}") from None
    if mode & 0o077:
        raise KeyFileError(f"the key file {path} is open to others; run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} does not hold a key of {KEY_BYTES} bytes in hexadecimal")
    return key


def make_key(path: Path) -> None:
    """Write a new key to *path* with mode 0600, unless another process was faster."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole and never replaces: of two processes that start together one makes
        # the key, and both read it.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def derive_key(secret: bytes, purpose: str) -> bytes:
    """Return the key for one *purpose*, so that no two uses share a key (BLAKE2b, RFC 7693)."""
    if len(secret) > hashlib.blake2b.MAX_KEY_SIZE:
        secret = hashlib.blake2b(secret).digest()
    return hashlib.blake2b(purpose.encode(), key=secret, digest_size=KEY_BYTES).digest()
