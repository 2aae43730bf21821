"""The model of names: weights of features in, what each piece says about its labels out.

The model is a linear-chain conditional random field (Lafferty, McCallum and Pereira 2001) over the
labels below. A feature is hashed to a row of weights, a byte for each label. Rows are added up in
lanes of 20 bits, three in an integer, as each byte is `ZERO` more than its weight::

    weights of "form=T:g-"  =  0x85 0x80 0xa1 …  ->  first = 0x000a1_00080_00085

What the features of a piece say is added up once, when it first stands in a run of pieces that may
hold a name, and kept: to weigh a piece in its place is to add ten of these.
"""

from __future__ import annotations

import pkgutil
import struct
import zlib
from functools import cache
from typing import Final, final

from engine.content.gazetteer import Gazetteer, gazetteer, hashed
from engine.content.native import i64, u8
from engine.content.tagger_words import KINDS, PIECES, Piece, is_month, read_piece

FILE = "tagger.bin"
LABELS = ("O", "B-person", "I-person", "B-location", "I-location", "B-organization",
          "I-organization", "B-address", "I-address")  # fmt: skip
COUNT: Final = 9
assert len(LABELS) == COUNT
ROWS: Final = 1 << 17
LANE: Final = 20
LANE_MASK: Final = (1 << LANE) - 1
ZERO = 128
"""What a weight of zero is stored as."""
MOST = 20_000
"""So many pieces, and so many groups of them, are remembered at most."""
SHORT = 32
"""Characters of what is remembered between two spaces."""
SLOTS: Final = 1 << 14
"""So many of these are found by the bytes that they are written with, two of a kind of bytes."""
FACTOR: Final = 0x9E3779B1
"""2**32 divided by the golden ratio."""
OFFSETS = (0, -1, 1, -2, 2)
NEAR = ("form=", "word=", "in=", "sign=", "num=", "tail=", "long")
"""What is read of a neighbour."""
GOLDEN_HIGH: Final = 0x9E3779B97F4A7C15 >> 28 & (1 << 29) - 1
GOLDEN_LOW: Final = 0x9E3779B97F4A7C15 & (1 << 28) - 1
"""The lowest 57 bits of 2**64 divided by the golden ratio."""


def row(feature: str) -> int:
    """Return the row of *feature*, which begins with its offset."""
    return hashed(feature) * 2654435761 >> 11 & ROWS - 1


def joint_row(key: i64) -> i64:
    """Return the row of a feature of several pieces, by its *key*, which is less than 2**45.

    These are bits 40 to 56 of its product with 2**64 divided by the golden ratio, which is worked
    out in parts: none is more than a machine's word.
    """
    high: i64 = key >> 28
    low: i64 = key & (1 << 28) - 1
    middle: i64 = (low * GOLDEN_HIGH + high * GOLDEN_LOW) & (1 << 29) - 1
    whole: i64 = low * GOLDEN_LOW + (middle << 28) + ((high * GOLDEN_HIGH & 1) << 56)
    return whole >> 40 & ROWS - 1


def slot(near: i64, far: i64) -> i64:
    """Return the first of the two places of what is written as *near* and *far* say."""
    mixed: i64 = near ^ far << 1 ^ far >> 28
    mixed ^= mixed >> 28
    return ((mixed & 0x7FFFFFFF) * FACTOR & 0x7FFFFFFF) >> 16 & SLOTS - 2


def piece_rows(piece: Piece, offset: int) -> list[int]:
    """Return the rows of what *piece* says about a piece that stands *offset* behind it."""
    if not offset:
        return [row("0" + one) for one in piece.features]
    return [row(f"{offset}{one}") for one in piece.features if one.startswith(NEAR)]


def joint_keys(before2: Said, before: Said, piece: Said, after: Said) -> tuple[i64, i64, i64, i64]:
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


def around_key(around: list[Said], at: i64) -> i64:
    """Return the key of which parts of addresses stand near ``around[at]``: 4 before, 5 behind."""
    flags: i64 = 0
    place: i64 = at - 4
    while place < at:
        flags |= i64(around[place].left)
        place += 1
    while place < at + 5:
        place += 1
        flags |= i64(around[place].right)
    return flags * 4096 + around[at].alone


@final
class Lanes:
    """Sums of weights, one for each label: three in an integer."""

    __slots__ = ("first", "second", "third")

    def __init__(self) -> None:
        self.first: i64 = 0
        self.second: i64 = 0
        self.third: i64 = 0

    def add_row(self, weights: bytes, at: i64) -> None:
        """Add a row of *weights* to it."""
        place: i64 = at * COUNT
        one: i64 = weights[place]
        two: i64 = weights[place + 1]
        three: i64 = weights[place + 2]
        self.first += one | two << LANE | three << 2 * LANE
        one = weights[place + 3]
        two = weights[place + 4]
        three = weights[place + 5]
        self.second += one | two << LANE | three << 2 * LANE
        one = weights[place + 6]
        two = weights[place + 7]
        three = weights[place + 8]
        self.third += one | two << LANE | three << 2 * LANE


@final
class Voice:
    """What a piece says of itself (own), and of the pieces beside it: its `Lanes`, one by one.

    As the piece before another it says *before*, and so on.
    """

    __slots__ = (
        "after_1", "after_2", "after_3", "before_1", "before_2", "before_3", "far_after_1",
        "far_after_2", "far_after_3", "far_before_1", "far_before_2", "far_before_3", "own_1",
        "own_2", "own_3",
    )  # fmt: skip

    def __init__(
        self, own: Lanes, before: Lanes, after: Lanes, far_before: Lanes, far_after: Lanes
    ) -> None:
        self.own_1: i64 = own.first
        self.own_2: i64 = own.second
        self.own_3: i64 = own.third
        self.before_1: i64 = before.first
        self.before_2: i64 = before.second
        self.before_3: i64 = before.third
        self.after_1: i64 = after.first
        self.after_2: i64 = after.second
        self.after_3: i64 = after.third
        self.far_before_1: i64 = far_before.first
        self.far_before_2: i64 = far_before.second
        self.far_before_3: i64 = far_before.third
        self.far_after_1: i64 = far_after.first
        self.far_after_2: i64 = far_after.second
        self.far_after_3: i64 = far_after.third


SILENCE = Voice(*[Lanes()] * 5)
"""Of a piece that was not asked."""


def digits(text: str) -> int:
    """Return how many digits *text* begins with."""
    count = 0
    while text[count : count + 1].isdecimal():
        count += 1
    return count


class Kept:
    """What is between two spaces of a text, with the second of them: a `Said` or a `Chunk`.

    *near* and *far* are how it is written, if it was kept (see `Model.kept`).
    """

    __slots__ = ("far", "near")

    def __init__(self) -> None:
        self.near: i64 = -1
        self.far: i64 = -1


@final
class Said(Kept):
    """What a piece is, and what it says: of itself, and of those beside it.

    It has a *voice* once it was *asked*. *left* and *right* are bits that tell of which part of an
    address it is (see `around_key`), *alone* the key where there are none. *kind* is a place in
    `tagger_words.KINDS`, *role* a letter's code, and *digits* says how many of these it begins
    with.

    Hot path: a text has hundreds of different pieces, and most are only found, counted and looked
    at for their kind and role. Compiled, all that is read of those stands in one line of the
    processor's cache: `Kept` and the first four attributes below. A piece has two such lines.
    """

    __slots__ = (
        "alone", "asked", "digits", "form", "key", "kind", "left", "month", "right", "role",
        "size", "text", "voice",
    )  # fmt: skip

    def __init__(self, text: str, read: Piece) -> None:
        super().__init__()
        self.size: i64 = len(text)
        self.kind: u8 = KINDS.index(read.kind)
        self.role: u8 = ord(read.role)
        self.month = is_month(text)
        self.asked = False
        self.left: u8 = LEFT.get(read.mark, 0)
        self.right: u8 = RIGHT.get(read.mark, 0)
        self.digits: i64 = digits(text)
        self.form: i64 = read.form
        self.key: i64 = read.key
        self.alone: i64 = AROUND + ord(read.mark) * 16 + "bSCDsuwj".index(read.kind)
        self.text = text
        self.voice = SILENCE


@final
class Chunk(Kept):
    """What the pieces of something say that has several, or is not kept."""

    __slots__ = ("said",)

    def __init__(self, said: list[Said]) -> None:
        super().__init__()
        self.said = said


class Model:
    """Weights, and the memory of what they say about pieces. Safe to share between threads."""

    def __init__(
        self,
        weights: bytes,
        steps: tuple[tuple[int, ...], ...],
        lists: Gazetteer,
        most: int = MOST,
    ) -> None:
        self.weights = weights
        self.steps = steps
        self.spare = spare(steps)
        self.lists = lists
        self.most = most
        self.said: dict[str, Said] = {}
        self.chunks: dict[str, Chunk] = {}
        self._empty = Chunk([self.say(" ")])
        self._slots: list[Kept] = [self._empty] * SLOTS

    def say(self, piece: str) -> Said:
        """Return what *piece* says, worked out at its first occurrence."""
        known = self.said.get(piece)
        if known is None:
            known = Said(piece, read_piece(piece, self.lists))
            if len(self.said) >= self.most:
                self.said.clear()
            self.said[piece] = known
        return known

    def ask(self, said: Said) -> None:
        """Work out what *said* says about itself, and about those beside it."""
        read = read_piece(said.text, self.lists)
        said.voice = Voice(*[self._sum(piece_rows(read, offset)) for offset in OFFSETS])
        said.asked = True

    def cut(self, text: str) -> list[Said]:
        """Return what the pieces of *text* say."""
        return [self.say(one) for one in PIECES.findall(text)]

    def read(self, chunk: str) -> Chunk:
        """Return the pieces of *chunk* and the space behind it, and remember it if it is short."""
        known = self.chunks.get(chunk)
        if known is None:
            known = Chunk(self.cut(chunk + " "))
            if len(chunk) <= SHORT:
                if len(self.chunks) >= self.most:
                    self._forget()
                self.chunks[chunk] = known
        return known

    def kept(self, near: i64, far: i64) -> Kept | None:
        """Return what is written so (see `tagger_runs.written`), if it is kept."""
        place: i64 = slot(near, far)
        known = self._slots[place]
        if known.near == near and known.far == far:
            return known
        known = self._slots[place + 1]
        return known if known.near == near and known.far == far else None

    def keep(self, near: i64, far: i64, chunk: Chunk) -> None:
        """Keep *chunk*, which is written so, in the place of an older one.

        Hot path: of a single piece, which is written so and no other, that is kept.
        """
        one: Kept = chunk.said[0] if len(chunk.said) == 1 else chunk
        one.near, one.far = near, far
        place: i64 = slot(near, far)
        self._slots[place + 1] = self._slots[place]
        self._slots[place] = one

    def _forget(self) -> None:
        self.chunks.clear()
        self._slots = [self._empty] * SLOTS

    def _sum(self, rows: list[int]) -> Lanes:
        made = Lanes()
        for one in rows:
            made.add_row(self.weights, one)
        return made


def spare(steps: tuple[tuple[int, ...], ...]) -> list[int]:
    """Return for each kind of name what the steps around one, and within it, add at most.

    That is to say, more than those of a path in which no piece has a label: two numbers a kind.
    """
    none = steps[0][0]
    made = []
    for first in range(1, COUNT, 2):
        into = max(max(steps[first][:COUNT]) - none, steps[COUNT][first] - steps[COUNT][0])
        behind = max(0, steps[0][first] - none, steps[0][first + 1] - none)
        within = max(steps[first + 1][first : first + 2]) - none
        made += [into + behind, within]
    return made


def scores(lanes: Lanes) -> tuple[int, ...]:
    """Return the score of each label in *lanes*; all are too high by the same."""
    first, second, third = lanes.first, lanes.second, lanes.third
    return (
        first & LANE_MASK,
        first >> LANE & LANE_MASK,
        first >> 2 * LANE & LANE_MASK,
        second & LANE_MASK,
        second >> LANE & LANE_MASK,
        second >> 2 * LANE & LANE_MASK,
        third & LANE_MASK,
        third >> LANE & LANE_MASK,
        third >> 2 * LANE & LANE_MASK,
    )


def pack_model(weights: bytes, steps: tuple[tuple[int, ...], ...]) -> bytes:
    """Return the file of *weights* (a byte for each row and label) and *steps*."""
    head = struct.pack(f"<{len(LABELS) * (len(LABELS) + 1)}h", *(x for one in steps for x in one))
    planes = b"".join(weights[label :: len(LABELS)] for label in range(len(LABELS)))
    return zlib.compress(head + planes, 9)


def unpack_model(packed: bytes, lists: Gazetteer) -> Model:
    """Return the model that *packed* holds, to be used with *lists*."""
    data = memoryview(zlib.decompress(packed))
    count = len(LABELS)
    size = 2 * count * (count + 1)
    flat = struct.unpack(f"<{count * (count + 1)}h", data[:size])
    steps = tuple(flat[at : at + count] for at in range(0, len(flat), count))
    weights = bytearray(ROWS * count)
    for label in range(count):
        weights[label::count] = data[size + label * ROWS : size + (label + 1) * ROWS]
    return Model(bytes(weights), steps, lists)


@cache
def load_model() -> Model:
    """Return the model of this package, read at the first call."""
    packed = pkgutil.get_data(__package__, FILE)
    assert packed is not None
    return unpack_model(packed, gazetteer())
