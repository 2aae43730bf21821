"""Leaves in one after another, the root of the Merkle tree over all of them out (RFC 6962, 2.1).

Only the roots of the whole subtrees are kept: one for each bit of the number of leaves. That is
enough to go on from, and 2 KB for any number of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()


def join(left: bytes, right: bytes) -> bytes:
    """Return the root above two roots."""
    return sha256(b"\1" + left + right).digest()


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

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add *leaves*."""
        peaks = self._peaks
        for leaf in leaves:
            root, size = leaf, self.size
            while size & 1:
                root = join(peaks.pop(), root)
                size >>= 1
            peaks.append(root)
            self.size += 1

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = join(peak, root)
        return root


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the roots that lead from leaf *index* up to the root of *leaves*, lowest first."""
    path: list[bytes] = []
    part = list(leaves)
    while len(part) > 1:
        half = 1 << (len(part) - 1).bit_length() - 1
        left, right = part[:half], part[half:]
        mine, other = (left, right) if index < half else (right, left)
        tree = Tree()
        tree.extend(other)
        path.insert(0, tree.root)
        index -= 0 if index < half else half
        part = mine
    return path


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
