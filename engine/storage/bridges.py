"""Checkpoints that are no longer needed in, the signed note that stands in their place out.

The file of checkpoints would grow for ever. What only signs records that were forgotten, with their
segments and on record, is taken out of it; a note of the same signer then leads from the checkpoint
before to the one behind, so that the chain still proves that nothing else is missing::

    audit.example/bridge                    the signer's name
    checkpoints 1042                        so many stood here
    trails 2 of 19000 records               that went altogether, and had so many
    newest 2026-01-01T00:00:00.000000Z      when the last of them was signed
    behind 5f2d…                            SHA-256 of the last of them: what comes next follows it
    previous 9b1c…                          SHA-256 of the note before, of whichever trail
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.storage.notes import NoteError

_NAME = "/bridge"


@dataclass(frozen=True, slots=True)
class Bridge:
    """What a note says that stands for checkpoints."""

    signer: str
    count: int
    trails: int
    """How many trails are signed by no checkpoint any more: nothing is left of them."""
    records: int
    """How many these had."""
    newest: str
    behind: str
    """SHA-256 of the last checkpoint that it stands for, in hex."""
    previous: str
    """SHA-256 of the note before, in hex; empty for the first."""

    @property
    def text(self) -> str:
        """The text that is signed."""
        return (
            f"{self.signer}{_NAME}\ncheckpoints {self.count}\n"
            f"trails {self.trails} of {self.records} records\nnewest {self.newest}\n"
            f"behind {self.behind}\nprevious {self.previous}\n"
        )


def is_bridge(text: str) -> bool:
    """Return whether the *text* of a note is that of a bridge, by its first line."""
    return text.partition("\n")[0].endswith(_NAME)


def read_bridge(text: str) -> Bridge:
    """Return the bridge in a note's *text*. Raises NoteError."""
    lines = text.removesuffix("\n").split("\n")
    try:
        name, count, went, newest, behind, previous = lines
        _, trails, _, records, _ = went.split(" ")
        found = Bridge(
            name.removesuffix(_NAME),
            int(count.removeprefix("checkpoints ")),
            int(trails),
            int(records),
            newest.removeprefix("newest "),
            behind.removeprefix("behind "),
            previous.removeprefix("previous "),
        )
    except ValueError:
        raise NoteError("this is no bridge between checkpoints") from None
    if found.text != text or found.count < 1:
        raise NoteError("this is no bridge between checkpoints")
    return found
