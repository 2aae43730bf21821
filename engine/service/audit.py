"""Entries in, records of a signed trail out, as safe as was chosen.

See ``engine.storage`` for how they are kept, and ``committer`` there for what becomes of those that
cannot be. `tend` signs what there is, and is called now and then beside the decisions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from pathlib import Path
from typing import cast

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.service.entries import AdminEntry, Entry, GapEntry, Line
from engine.service.keys import KeyFileError, load_key
from engine.service.laid import Laid
from engine.service.plain import read_plain
from engine.service.record import RecordError, Then
from engine.storage.checkpoints import FILE as CHECKPOINTS
from engine.storage.committer import Committer
from engine.storage.durability import Losses, OnFull, Tally, Way, reason_of
from engine.storage.frames import Altered
from engine.storage.header import OPEN, NoSegment
from engine.storage.notes import NoteError, Signer, read_verifier
from engine.storage.recovery import recover_signed
from engine.storage.roll import roll
from engine.storage.synced import Synced
from engine.storage.trail import MEGABYTE, Trail

KEY = "audit.key"
PUBLIC = "audit.pub"
"""In the trail's folder: the key that its checkpoints are signed with, as C2SP writes it."""
CLOCK = "clock_went_back"
"""The act by which a record tells that the clock was set back since the one before it."""
REPLACED = "signing_key_replaced"
"""The act by which a record tells that what comes is signed with another key than what was."""


class Audit:
    """Keeps entries in a trail of its own in *folder*; see record.Recorder.

    *way* says how safe they are to be and what becomes of those that cannot be kept; only the
    latter is enough for ``written``. What is lost is counted in `dropped`, and told by a record.
    """

    def __init__(
        self,
        folder: Path,
        key: Path,
        way: Way | OnFull,
        *,
        name: str,
        time: Callable[[], str],
        segment_bytes: int = 64 * MEGABYTE,
        segment_seconds: float = inf,
    ) -> None:
        """Begin a trail.

        *name* is the signer's; its key is made at *key* if there is none. Raises RecordError.
        """
        self.folder = folder
        self.way = way if isinstance(way, Way) else Way(on_full=way)
        self.told: Callable[[str], None] = lambda _: None
        """Hears what is wrong, from any thread."""
        self._time = time
        self._newest = ""
        """The latest time of an entry, since the clock was set back."""
        self._ahead = ""
        """What it was when the clock was set back, until the clock has passed that again."""
        self._held: list[Path] = []
        """Open segments of other processes, which may be gone."""
        self._encode = msgspec.json.Encoder(enc_hook=str).encode
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            signer = Signer(name, Ed25519PrivateKey.from_private_bytes(load_key(key)))
            self._signer = signer
            self._trail = Trail(
                folder,
                signer,
                time=time,
                segment_bytes=segment_bytes,
                segment_seconds=segment_seconds,
                careful=self.way.durability == "synced",
            )
        except KeyFileError as error:
            raise RecordError(str(error)) from None
        except OSError as error:
            raise RecordError(f"cannot keep an audit trail in {folder}: {error.strerror}") from None
        self.verifier = signer.verifier
        kind = Synced if self.way.durability == "synced" else Committer
        self._committer: Committer = kind(
            self._trail, self.way, gap=self._gap, time=time, told=self._tell, fault=self._fault
        )
        self._former = self._show_key()
        """Who has signed the trail until now; empty for the same."""

    @property
    def tally(self) -> Tally:
        """What was counted."""
        return self._committer.tally

    @property
    def dropped(self) -> int:
        """How many entries were lost."""
        return self.tally.dropped

    @property
    def waiting(self) -> int:
        """How many entries are not as safe yet as they are to be."""
        return self._committer.waiting

    @property
    def stuck(self) -> bool:
        """Whether nothing can be written."""
        return self._committer.stuck

    lays = True

    @property
    def together(self) -> bool:
        """Whether no answer ever waits for its record."""
        return self.way.durability == "written" and self.way.on_full != "block"

    def write(self, entry: Line) -> None:
        """Keep *entry*; raise RecordError when that fails and decisions may not go unrecorded."""
        time, newest = entry.time, self._newest
        if time > newest:
            if not self._ahead or not self._is_from_before(time):
                self._newest = time
        elif time < newest and (now := self._time()) < newest:
            # Else it is only told later than others, as a decision that had to wait for its review.
            self._newest, self._ahead = now, max(newest, self._ahead)
            self.write(AdminEntry(time=now, act=CLOCK, what={"from": newest, "to": now}))
        # Whoever has a decision recorded asks whether that is kept, before anything else is.
        try:
            if isinstance(entry, Laid):
                self._committer.stage(entry.raw)
            elif type(entry) is Entry:
                self._committer.stage(self._encode(entry))
            else:
                self._committer.put(self._encode(entry))
        except OSError as error:
            raise RecordError(f"cannot write to {self.folder}: {reason_of(error)}") from None

    def _is_from_before(self, time: str) -> bool:
        """Return whether what has this *time* was decided before the clock was set back.

        It is told late, and the clock is not said to be set back once more because of it.
        """
        if time > self._time():
            return True
        if time > self._ahead:
            self._ahead = ""
        return False

    def write_all(self, entries: Sequence[Entry | Laid]) -> bool:
        """Keep *entries* in one go; return whether that went well: if not, none of them is kept."""
        time, lines = self._newest, list[bytes]()
        for entry in entries:
            if entry.time < time:
                return False
            time = entry.time
            if self._ahead and self._is_from_before(time):
                return False
            lines.append(entry.raw if isinstance(entry, Laid) else self._encode(entry))
        if not self._committer.put_all(lines):
            return False
        self._newest = time
        return True

    def kept(self) -> Awaitable[None] | None:
        """Return what is to be awaited before what was written last is answered; None for nothing.

        It raises RecordError when that must not be answered.
        """
        # What it gives is "": nobody asks. To be awaited itself it costs less than in a coroutine.
        return cast("Awaitable[None] | None", self._committer.kept())

    def tell(self, then: Then) -> bool:
        """Have *then* called when what was written last may be answered; return False if it may.

        It hears the RecordError when that must not be answered.
        """
        return self._committer.tell(then)

    def waits(self) -> Callable[[], None] | None:
        """Return what waits until what was written last may be answered; None for nothing.

        It raises RecordError when that must not be answered.
        """
        told = self._committer.waited()
        if told is None:
            return None
        return lambda: self._check(self._committer.block(told))

    def wait(self) -> None:
        """Wait until what was written last may be answered. Raises RecordError."""
        self._check(self._committer.wait())

    def _show_key(self) -> str:
        """Write who signs beside the trail, and record who did until now, if that is another.

        Return who did, or an empty string. Raises RecordError.
        """
        try:
            former = former_verifier(self.folder, str(self.verifier))
            if former:
                what: dict[str, object] = {"from": former, "to": str(self.verifier)}
                self.write(AdminEntry(time=self._time(), act=REPLACED, what=what))
            (self.folder / PUBLIC).write_text(f"{self.verifier}\n")
        except OSError as error:
            self.close()
            raise RecordError(f"cannot write {self.folder / PUBLIC}: {reason_of(error)}") from None
        return former

    def _tell(self, why: str) -> None:
        self.told(why)

    def _check(self, why: str) -> None:
        if why:
            raise self._fault(why)

    def _fault(self, why: str) -> RecordError:
        return RecordError(f"cannot write to {self.folder}: {why}")

    def _gap(self, losses: Losses) -> bytes:
        return self._encode(
            GapEntry(
                time=self._time(),
                lost=losses.dropped,
                denied=losses.denied,
                doubtful=losses.doubtful,
                since=losses.since,
                why=losses.why,
            )
        )

    def tend(self) -> str:
        """Bring to the disk and sign what is new; return the checkpoint, to be copied elsewhere.

        Empty for none. May be called in another thread.
        """
        if self._held:
            self._recover()
        try:
            return self._committer.tend()
        except OSError as error:
            self.told(f"it cannot be signed: {reason_of(error)}")
            return ""

    def roll(self, sent: int | None) -> int:
        """Take out of the checkpoints what signs nothing any more; return how many went.

        See storage.roll. Raises OSError, NoSegment and Damaged.
        """
        return roll(self.folder, self._signer, sent)

    def reopen(self) -> None:
        """Go on in a new segment. Raises RecordError."""
        try:
            self._committer.turn()
        except OSError as error:
            raise RecordError(f"cannot go on in {self.folder}: {reason_of(error)}") from None

    def close(self) -> None:
        """Keep what waits, sign and close the trail; closing twice is fine."""
        try:
            self._committer.close()
        except OSError as error:
            self.told(f"it could not be closed: {reason_of(error)}")

    def recover(self) -> None:
        """Close the trails of processes that are gone.

        What somebody still has is tried again by `tend`: while the disk is busy the kernel keeps
        what a killed process had, for longer than that process is there.
        """
        if self._former:
            self.told(
                f"it was signed with another key until now: give {self._former} to `engine audit "
                "verify --key`, beside the one of now"
            )
        own = self._trail.name
        found = sorted(self.folder.glob(f"*{OPEN}"))
        self._held = [path for path in found if not path.name.startswith(own)]
        self._recover()

    def _recover(self) -> None:
        tried, self._held = self._held, []
        for path in tried:
            try:
                closed = recover_signed(path, self._signer, self._time())
            except (OSError, NoSegment, Altered) as error:
                self.told(f"the segment {path.name} cannot be closed: {error}")
            else:
                if closed is not None:
                    self.told(f"the segment {closed.name} was left open, and is closed now")
                elif path.exists():
                    self._held.append(path)


def former_verifier(folder: Path, verifier: str) -> str:
    """Return the key in *folder* that has signed its trail, if *verifier* is another; else empty.

    It is about to be written over, and who has kept no copy could not verify any more. Raises
    OSError.
    """
    if not (folder / CHECKPOINTS).exists():
        return ""
    try:
        found = read_plain(folder / PUBLIC).decode().strip()
        read_verifier(found)
    except (FileNotFoundError, NoteError, UnicodeDecodeError):
        return ""
    return "" if found == verifier else found
