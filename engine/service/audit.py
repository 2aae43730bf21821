"""Entries in, records of a signed trail out; what cannot be kept denies, or is counted and told.

See ``engine.storage`` for how they are kept. `tend` signs what there is, and is called now and then
beside the decisions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.service.entries import Line
from engine.service.keys import KeyFileError, load_key
from engine.service.record import RecordError
from engine.storage.frames import Altered
from engine.storage.notes import Signer
from engine.storage.segment import OPEN, NoSegment, recover
from engine.storage.trail import MEGABYTE, Trail, sign_closed

OnFailure = Literal["deny", "drop"]

KEY = "audit.key"
PUBLIC = "audit.pub"
"""In the trail's folder: the key that its checkpoints are signed with, as C2SP writes it."""


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="gap"):
    """The record that tells of entries which were lost before it."""

    time: str
    lost: int


class Audit:
    """Keeps entries in a trail of its own in *folder*; see record.Recorder.

    *on_failure* as of a `Journal`: ``deny`` raises RecordError, ``drop`` counts in `dropped` and
    tells of the gap, which the next checkpoint signs.
    """

    def __init__(
        self,
        folder: Path,
        key: Path,
        on_failure: OnFailure,
        *,
        name: str,
        time: Callable[[], str],
        segment_bytes: int = 64 * MEGABYTE,
    ) -> None:
        """Begin a trail.

        *name* is the signer's; its key is made at *key* if there is none. Raises RecordError.
        """
        self.folder = folder
        self.on_failure = on_failure
        self.dropped = 0
        self._untold = 0
        self.told: Callable[[str], None] = lambda _: None
        """Hears what is wrong."""
        self._time = time
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            signer = Signer(name, Ed25519PrivateKey.from_private_bytes(load_key(key)))
            (folder / PUBLIC).write_text(f"{signer.verifier}\n")
            self._signer = signer
            self._trail = Trail(folder, signer, time=time, segment_bytes=segment_bytes)
        except KeyFileError as error:
            raise RecordError(str(error)) from None
        except OSError as error:
            raise RecordError(f"cannot keep an audit trail in {folder}: {error.strerror}") from None
        self.verifier = signer.verifier

    def write(self, entry: Line) -> None:
        """Keep *entry*; raise RecordError when that fails and decisions may not go unrecorded."""
        try:
            if self._untold:
                gap = Gap(time=entry.time, lost=self._untold)
                self._trail.append(self._encoder.encode(gap))
                self._untold = 0
            self._trail.append(self._encoder.encode(entry))
        except OSError as error:
            if self.on_failure == "deny":
                why = error.strerror or str(error)
                raise RecordError(f"cannot write to {self.folder}: {why}") from None
            self.dropped += 1
            self._untold += 1

    def tend(self) -> str:
        """Sign what is new and return the checkpoint, to be copied elsewhere; empty for none."""
        try:
            return self._trail.checkpoint()
        except OSError as error:
            self.told(f"the audit trail cannot be signed: {error.strerror}")
            return ""

    def reopen(self) -> None:
        """Go on in a new segment. Raises RecordError."""
        try:
            self._trail.roll()
        except OSError as error:
            raise RecordError(f"cannot go on in {self.folder}: {error.strerror}") from None

    def close(self) -> None:
        """Sign and close the trail; closing twice is fine."""
        try:
            self._trail.close()
        except OSError as error:
            self.told(f"the audit trail could not be closed: {error.strerror}")

    def recover(self) -> None:
        """Close the trails of processes that are gone."""
        for path in sorted(self.folder.glob(f"*{OPEN}")):
            try:
                closed = recover(path, self._time())
                if closed is not None:
                    sign_closed(closed, self._signer, self._time())
            except (OSError, NoSegment, Altered) as error:
                self.told(f"the audit segment {path.name} cannot be closed: {error}")
            else:
                if closed is not None:
                    self.told(f"the audit segment {closed.name} was left open, and is closed now")
