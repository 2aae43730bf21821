"""Files of a certificate in, what a listener shows to its clients out; and anew when they change.

A pair that cannot be used is never served: at the start that is an error, later
the one before stays.
"""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.doors.grpc.addresses import ListenError
from engine.doors.grpc.lean_sockets import secured
from engine.doors.grpc.listener import Tls
from engine.service.plain import read_plain

OPEN_TO_OTHERS = 0o077
OPEN_OF_ROOT = 0o037
"""What the mode of a key must not have. One that root owns and gave to this user's group may be
read by the group: so do containers mount secrets."""
BEGIN = b"-----BEGIN "
ENCRYPTED = b"ENCRYPTED"

Stamp = tuple[tuple[int, int, int, int], ...]
"""Of each file: which it is, when it was written, when that or its mode changed, how long it is."""


class TlsError(ListenError):
    """A certificate that cannot be shown; the text names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where a certificate with its chain, its key and, maybe, the roots of clients are (PEM)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    client_names: frozenset[str] = frozenset()
    """Which of the clients may ask, by names of their certificates; empty for all."""

    def load(self) -> Tls:
        """Return what is in them. Raises TlsError."""
        certificate, key = read(self.certificate), read_key(self.key)
        roots = None if self.client_ca is None else read(self.client_ca)
        made = Tls(certificate, key, roots, self.client_names)
        try:
            secured(made)
        except (ssl.SSLError, ValueError) as error:
            raise self._unfit(made, error) from None
        return made

    def stamp(self) -> Stamp:
        """Return what changes when a file is replaced, or written, or may be read, or is away."""
        found: list[tuple[int, int, int, int]] = []
        for path in (self.certificate, self.key, self.client_ca):
            try:
                about = os.stat(path) if path is not None else None  # noqa: PTH116 - one call for both
            except OSError:
                about = None
            if about is None:
                found.append((0, 0, 0, 0))
            else:
                changed = about.st_mtime_ns, about.st_ctime_ns
                found.append((about.st_ino, *changed, about.st_size))
        return tuple(found)

    def _unfit(self, tls: Tls, error: Exception) -> TlsError:
        """Return which of the files is wrong."""
        if not is_certificate(tls.certificate):
            return TlsError(f"{self.certificate} holds no certificate (PEM)")
        if ENCRYPTED in tls.key:
            return TlsError(
                f"the key in {self.key} is encrypted: nobody is here to decrypt it, so store it as "
                "it is, readable by this user only"
            )
        if tls.client_roots is not None and not is_certificate(tls.client_roots):
            return TlsError(f"{self.client_ca} holds no certificate (PEM)")
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            return TlsError(
                f"the key in {self.key} is not that of the certificate in {self.certificate}"
            )
        return TlsError(
            f"the certificate in {self.certificate} cannot be used with the key in {self.key}"
        )


class Certificates:
    """The newest good pair in *files*. Not for several threads.

    Raises TlsError at the start, unless there is one *before* what cannot be used: that holds then.
    """

    def __init__(self, files: TlsFiles, before: Tls | None = None) -> None:
        self._files = files
        self._seen = files.stamp()
        self.missed = ""
        """Why it is the one before."""
        try:
            self.tls = files.load()
        except TlsError as error:
            if before is None:
                raise
            self.tls, self.missed = before, str(error)

    def renewed(self) -> Tls | None:
        """Return a pair that has come since, or None where nothing has changed.

        Raises TlsError, once for each change, where what came cannot be used.
        """
        stamp = self._files.stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        found = self._files.load()
        if found == self.tls:
            return None
        self.tls = found
        return found


def read(path: Path) -> bytes:
    """Return what *path* holds. Raises TlsError."""
    try:
        return read_plain(path)
    except OSError as error:
        may_not = isinstance(error, PermissionError)
        remedy = "check its owner and mode" if may_not else "see `grpc.tls`"
        raise TlsError(f"cannot read {path}: {error.strerror}; {remedy}") from None


def read_key(path: Path) -> bytes:
    """Return the key in *path*, which only this user may read. Raises TlsError."""
    found = read(path)
    about = path.stat()
    of_root = about.st_uid == 0 and os.geteuid() != 0
    if stat.S_IMODE(about.st_mode) & (OPEN_OF_ROOT if of_root else OPEN_TO_OTHERS):
        raise TlsError(f"the key file {path} is open to others; run `chmod 600 {path}`")
    if BEGIN not in found or b"PRIVATE KEY" not in found:
        raise TlsError(f"{path} holds no private key (PEM)")
    return found


def is_certificate(pem: bytes) -> bool:
    """Return whether *pem* holds certificates that can be read."""
    try:
        ssl.create_default_context(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return False
    return True
