"""Leaves in one after another, the root of the Merkle tree over all of them out (RFC 6962, 2.1).

Only the roots of the whole subtrees are kept: one for each bit of the number of leaves. That is
enough to go on from, and 2 KB for any number of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
ROOT_BYTES = 32
_NODE = sha256(b"\1")
"""What every root above two begins with: to copy it costs less than to join the bytes."""


def join(left: bytes, right: bytes) -> bytes:
    """Return the root above two roots."""
    return sha256(b"\1" + left + right).digest()


def _above(level: list[bytes]) -> list[bytes]:
    """Return the roots above those of *level*, two at a time."""
    data, begun, roots = b"".join(level), _NODE.copy, list[bytes]()
    for at in range(0, len(data), 2 * ROOT_BYTES):
        one = begun()
        one.update(data[at : at + 2 * ROOT_BYTES])
        roots.append(one.digest())
    return roots


class Tree:
    """Grows by leaves."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from *peaks*, the roots of the whole subtrees of *size* leaves, largest first."""
        if len(peaks) != size.bit_count():
            raise ValueError(f"{size} leaves have {size.bit_count()} whole subtrees")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the whole subtrees, largest first."""
        return tuple(self._peaks)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add *leaves*."""
        # A level of the tree at a time: half the time of a leaf at a time.
        level, size, peaks = list(leaves), self.size, self._peaks
        self.size += len(level)
        lowest: list[bytes] = []
        while level:
            if size & 1:
                level.insert(0, peaks.pop())
            if len(level) & 1:
                lowest.append(level.pop())
            size >>= 1
            level = _above(level)
        peaks.extend(reversed(lowest))

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = join(peak, root)
        return root


def inclusion(
    leaves: Sequence[bytes], index: int, first: int = 0, peaks: Sequence[bytes] = ()
) -> list[bytes]:
    """Return the roots that lead from leaf *index* up to the root, lowest first.

    *leaves* are those from number *first* on; *peaks* stand for the ones before.
    """
    whole: dict[tuple[int, int], bytes] = {}
    low = 0
    for bit in reversed(range(first.bit_length())):
        if first >> bit & 1:
            whole[low, low + (1 << bit)] = peaks[len(whole)]
            low += 1 << bit

    def root(low: int, high: int) -> bytes:
        if (low, high) in whole:
            return whole[low, high]
        if low >= first:
            tree = Tree()
            tree.extend(leaves[low - first : high - first])
            return tree.root
        middle = low + _half(high - low)
        return join(root(low, middle), root(middle, high))

    path: list[bytes] = []
    low, high = 0, first + len(leaves)
    while high - low > 1:
        middle = low + _half(high - low)
        if index < middle:
            path.append(root(middle, high))
            high = middle
        else:
            path.append(root(low, middle))
            low = middle
    return path[::-1]


def _half(size: int) -> int:
    """Return how many of *size* leaves stand left of the middle: the largest power of two below."""
    return 1 << (size - 1).bit_length() - 1


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that *path* leads to from *leaf*, number *index* of *size*.

    ValueError for a path that is too long or too short. (RFC 9162, 2.1.3.2)
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    root, at, last = leaf, index, size - 1
    for other in path:
        if last == 0:
            raise ValueError("the path is too long")
        if at & 1 or at == last:
            root = join(other, root)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            root = join(root, other)
        at >>= 1
        last >>= 1
    if last:
        raise ValueError("the path is too short")
    return root
