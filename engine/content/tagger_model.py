"""The model of names: weights of features in, what each piece says about its labels out.

The model is a linear-chain conditional random field (Lafferty, McCallum and Pereira 2001) over the
labels below. A feature is hashed to a row of weights, one for each label. The rows of all features
of a piece are added up once, as one integer with a lane of 16 bits for each label, and kept: to
weigh a piece in its place is to add a dozen integers::

    weights["form=T:g-"]  = 0x0085_0080_00a1…   one lane a label, each weight + 128
"""

from __future__ import annotations

import lzma
import pkgutil
import struct
from dataclasses import dataclass
from functools import cache

from engine.content.gazetteer import Gazetteer, gazetteer, hashed
from engine.content.tagger_words import Piece, read_piece

FILE = "tagger.bin"
LABELS = ("O", "B-person", "I-person", "B-location", "I-location", "B-organization",
          "I-organization", "B-address", "I-address")  # fmt: skip
ROWS = 1 << 17
LANE = 2 * len(LABELS)
ZERO = 128
"""What a weight of zero is stored as."""
MOST = 30_000
"""So many pieces, and so many pairs of them, are remembered at most."""
OFFSETS = (0, -1, 1, -2, 2)
NEAR = ("form=", "word=", "in=", "sign=", "num=", "tail=", "long")
"""What is read of a neighbour."""
_lanes = struct.Struct(f"<{len(LABELS)}H")


def row(feature: str) -> int:
    """Return the row of *feature*, which begins with its offset."""
    return hashed(feature) * 2654435761 >> 11 & ROWS - 1


def joint_row(key: int) -> int:
    """Return the row of a feature of several pieces, by its *key*."""
    return (key * 0x9E3779B97F4A7C15 >> 40) & ROWS - 1


def piece_rows(piece: Piece, offset: int) -> list[int]:
    """Return the rows of what *piece* says about a piece that stands *offset* behind it."""
    if not offset:
        return [row("0" + one) for one in piece.features]
    return [row(f"{offset}{one}") for one in piece.features if one.startswith(NEAR)]


def joint_keys(before2: Said, before: Said, piece: Said, after: Said) -> tuple[int, ...]:
    """Return the keys of what neighbours say together about *piece*."""
    one, two, three = before.form, piece.form, after.form
    return (
        one * 3 + two * 5 + 1,
        two * 7 + three * 11 + 2,
        one * 13 + two * 17 + three * 19 + 3,
        before2.key * 23 + before.key * 29 + 4,
    )


def around_key(marks: str, at: int, piece: Said) -> int:
    """Return the key of which parts of addresses stand around ``marks[at]``, *piece*."""
    left, right = marks[at - 4 : at], marks[at + 1 : at + 6]
    flags = (
        ("D" in left or "P" in left)
        + 2 * ("W" in left)
        + 4 * ("D" in right)
        + 8 * ("W" in right)
        + 16 * ("P" in right)
        + 32 * ("U" in left or "U" in right)
        + 64 * ("O" in right)
        + 128 * ("H" in left)
    )
    return flags * 4096 + ord(marks[at]) * 16 + "bSCDsuwj".index(piece.kind) + (7 << 40)


@dataclass(frozen=True, slots=True)
class Said:
    """What a piece is, and what it says, packed in lanes: of itself, and of those beside it."""

    kind: str
    mark: str
    role: str
    form: int
    key: int
    own: int
    before: int
    """As the piece before it."""
    after: int
    before2: int
    after2: int


class Model:
    """Weights, and the memory of what they say about pieces. Safe to share between threads."""

    def __init__(
        self, weights: bytes, steps: tuple[tuple[int, ...], ...], lists: Gazetteer
    ) -> None:
        self._weights = weights
        self.steps = steps
        self.lists = lists
        self.said: dict[str, Said] = {}
        self._joint: dict[int, int] = {}

    def say(self, piece: str) -> Said:
        """Return what *piece* says, worked out at its first occurrence."""
        known = self.said.get(piece)
        if known is None:
            if len(self.said) >= MOST:
                self.said.clear()
            read = read_piece(piece, self.lists)
            known = Said(
                read.kind,
                read.mark,
                read.role,
                read.form,
                read.key,
                *(self._sum(piece_rows(read, offset)) for offset in OFFSETS),
            )
            self.said[piece] = known
        return known

    def joint(self, key: int) -> int:
        """Return the lanes of the feature of several pieces with *key*."""
        known = self._joint.get(key)
        if known is None:
            if len(self._joint) >= MOST:
                self._joint.clear()
            known = self._joint[key] = self._row(joint_row(key))
        return known

    def _row(self, at: int) -> int:
        return int.from_bytes(self._weights[at * LANE : (at + 1) * LANE], "little")

    def _sum(self, rows: list[int]) -> int:
        return sum(map(self._row, rows))


def scores(lanes: int) -> tuple[int, ...]:
    """Return the score of each label in *lanes*; all are too high by the same."""
    return _lanes.unpack(lanes.to_bytes(LANE, "little"))


def pack_model(weights: bytes, steps: tuple[tuple[int, ...], ...]) -> bytes:
    """Return the file of *weights* (a byte for each row and label) and *steps*."""
    head = struct.pack(f"<{len(LABELS) * (len(LABELS) + 1)}h", *(x for one in steps for x in one))
    planes = b"".join(weights[label :: len(LABELS)] for label in range(len(LABELS)))
    return lzma.compress(head + planes, preset=9 | lzma.PRESET_EXTREME)


def unpack_model(packed: bytes, lists: Gazetteer) -> Model:
    """Return the model that *packed* holds, to be used with *lists*."""
    data = lzma.decompress(packed)
    count = len(LABELS)
    size = 2 * count * (count + 1)
    flat = struct.unpack(f"<{count * (count + 1)}h", data[:size])
    steps = tuple(flat[at : at + count] for at in range(0, len(flat), count))
    lanes = bytearray(ROWS * LANE)
    for label in range(count):
        lanes[2 * label :: LANE] = data[size + label * ROWS : size + (label + 1) * ROWS]
    return Model(bytes(lanes), steps, lists)


@cache
def load_model() -> Model:
    """Return the model of this package, read at the first call."""
    packed = pkgutil.get_data(__package__, FILE)
    assert packed is not None
    return unpack_model(packed, gazetteer())
