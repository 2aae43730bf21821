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
from functools import cache

from engine.content.gazetteer import Gazetteer, gazetteer, hashed
from engine.content.tagger_words import PIECES, Piece, read_piece

FILE = "tagger.bin"
LABELS = ("O", "B-person", "I-person", "B-location", "I-location", "B-organization",
          "I-organization", "B-address", "I-address")  # fmt: skip
ROWS = 1 << 17
LANE = 2 * len(LABELS)
ZERO = 128
"""What a weight of zero is stored as."""
MOST = 20_000
"""So many pieces, and so many groups of them, are remembered at most."""
SHORT = 32
"""Characters of what is remembered between two spaces."""
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


def joint_keys(before2: Said, before: Said, piece: Said, after: Said) -> tuple[int, int, int, int]:
    """Return the keys of what neighbours say together about *piece*."""
    one, two, three = before.form, piece.form, after.form
    return (
        one * 3 + two * 5 + 1,
        two * 7 + three * 11 + 2,
        one * 13 + two * 17 + three * 19 + 3,
        before2.key * 23 + before.key * 29 + 4,
    )


LEFT = {"D": 1, "P": 1, "W": 2, "U": 32, "H": 128}
RIGHT = {"D": 4, "W": 8, "P": 16, "U": 32, "O": 64}
"""What a part of an address says that stands before a piece, and behind it."""
AROUND = 7 << 40


def around_key(around: list[Said], at: int) -> int:
    """Return the key of which parts of addresses stand near ``around[at]``: 4 before, 5 behind."""
    flags = 0
    for place in range(at - 4, at):
        flags |= around[place].left
    for place in range(at + 1, at + 6):
        flags |= around[place].right
    return flags * 4096 + around[at].alone


class Said:
    """What a piece is, and what it says, packed in lanes: of itself, and of those beside it.

    As the piece before another it says *before*, and so on. *left* and *right* are bits that tell
    of which part of an address it is (see `around_key`), *alone* the key where there are none.
    """

    __slots__ = (
        "after", "after2", "alone", "before", "before2", "form", "key", "kind", "left", "own",
        "right", "role",
    )  # fmt: skip

    def __init__(self, read: Piece, lanes: tuple[int, int, int, int, int]) -> None:
        self.kind = read.kind
        self.role = read.role
        self.form = read.form
        self.key = read.key
        self.left = LEFT.get(read.mark, 0)
        self.right = RIGHT.get(read.mark, 0)
        self.alone = AROUND + ord(read.mark) * 16 + "bSCDsuwj".index(read.kind)
        self.own, self.before, self.after, self.before2, self.after2 = lanes


class Chunk:
    """What is between two spaces of a text: pieces, what they say, their kinds and roles."""

    __slots__ = ("kinds", "roles", "said", "texts")

    def __init__(self, texts: list[str], said: list[Said]) -> None:
        self.texts = texts
        self.said = said
        self.kinds = "".join([one.kind for one in said]).encode()
        self.roles = "".join([one.role for one in said]).encode()


class Model:
    """Weights, and the memory of what they say about pieces. Safe to share between threads."""

    def __init__(
        self,
        weights: bytes,
        steps: tuple[tuple[int, ...], ...],
        lists: Gazetteer,
        most: int = MOST,
    ) -> None:
        self._weights = weights
        self.steps = steps
        self.lists = lists
        self.most = most
        self.said: dict[str, Said] = {}
        self.chunks: dict[str, Chunk] = {}
        self._joint: dict[int, int] = {}

    def say(self, piece: str) -> Said:
        """Return what *piece* says, worked out at its first occurrence."""
        known = self.said.get(piece)
        if known is None:
            read = read_piece(piece, self.lists)
            own, before, after, before2, after2 = [
                self._sum(piece_rows(read, offset)) for offset in OFFSETS
            ]
            known = Said(read, (own, before, after, before2, after2))
            if len(self.said) >= self.most:
                self.said.clear()
            self.said[piece] = known
        return known

    def cut(self, text: str) -> Chunk:
        """Return the pieces of *text*."""
        texts: list[str] = PIECES.findall(text)
        return Chunk(texts, [self.say(one) for one in texts])

    def read(self, chunk: str) -> Chunk:
        """Return the pieces of *chunk* and the space behind it, and remember it if it is short."""
        known = self.chunks.get(chunk)
        if known is None:
            known = self.cut(chunk + " ")
            if len(chunk) <= SHORT:
                if len(self.chunks) >= self.most:
                    self.chunks.clear()
                self.chunks[chunk] = known
        return known

    def join(self, key: int) -> int:
        """Return the lanes of the feature of several pieces with *key*, worked out once."""
        known = self._joint.get(key)
        if known is None:
            if len(self._joint) >= self.most:
                self._joint.clear()
            known = self._joint[key] = self._row(joint_row(key))
        return known

    def _row(self, at: int) -> int:
        return int.from_bytes(self._weights[at * LANE : (at + 1) * LANE], "little")

    def _sum(self, rows: list[int]) -> int:
        return sum([self._row(one) for one in rows])


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
