"""Trees in, their bytes kept, and a tree back only when it is asked for.

A decision looks at the few rules that matched. Decoding ten thousand when a bundle is loaded would
take two seconds and a hundred megabytes; a bundle of bytes is loaded in no time. The bytes of all
members stand end to end, so that loading them costs the same however many they are.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pickle import PickleBuffer
from typing import Generic, SupportsIndex, TypeVar, overload

from engine.language.pickled import dump_tree, load_tree
from engine.language.program import Policy, Rule

T = TypeVar("T")

APART = 5
"""From this protocol on."""

Bytes = bytes | memoryview
"""What can be decoded."""


class Joined(Sequence[Bytes]):
    """Byte strings end to end: *whole*, and where each of them ends in it."""

    __slots__ = ("_ends", "_whole")

    def __init__(self, whole: Bytes, ends: array[int]) -> None:
        self._whole = whole
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Bytes: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Bytes, ...]: ...

    def __getitem__(self, index: int | slice) -> Bytes | tuple[Bytes, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self._ends))[index]
        return self._whole[self._ends[number - 1] if number else 0 : self._ends[number]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Joined):
            return False
        return self._ends == other._ends and self._whole == other._whole

    def __hash__(self) -> int:
        return hash(bytes(self._whole))

    def __reduce_ex__(
        self, protocol: SupportsIndex
    ) -> tuple[type[Joined], tuple[PickleBuffer | bytes, array[int]]]:
        # A pickler that takes buffers apart (PEP 574) copies nothing, and its reader neither.
        apart = int(protocol) >= APART
        whole = PickleBuffer(self._whole) if apart else bytes(self._whole)
        return Joined, (whole, self._ends)


def join(members: Iterable[bytes]) -> Joined:
    """Return *members* end to end."""
    parts = tuple(members)
    ends = array("Q")
    end = 0
    for one in parts:
        end += len(one)
        ends.append(end)
    return Joined(b"".join(parts), ends)


class Packed(Sequence[T], Generic[T]):
    """A sequence whose members are decoded one by one, each once."""

    __slots__ = ("_bytes", "_members")

    def __init__(self, members: Iterable[bytes] | Joined) -> None:
        """Take members as `dump_tree` made them; trust them as code."""
        self._bytes = members if isinstance(members, Joined) else join(members)
        self._members: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._bytes)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        member = self._members.get(index)
        if member is None:
            member = load_tree(self._bytes[index])
            self._members[index] = member
        return member

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[type[Packed[T]], tuple[Joined]]:
        return Packed, (self._bytes,)


def pack(members: Iterable[T]) -> Packed[T]:
    """Return *members*, each as bytes."""
    return Packed(map(dump_tree, members))


class RulesOf(Sequence[Rule]):
    """The rules of *policies* in their numbering; *owner* gives the policy of each."""

    __slots__ = ("_first", "_owner", "_policies")

    def __init__(self, policies: Sequence[Policy], owner: Sequence[int]) -> None:
        self._policies = policies
        self._owner = owner
        self._first: dict[int, int] = {}
        """The first rule of those policies that were asked for."""

    def __len__(self) -> int:
        return len(self._owner)

    @overload
    def __getitem__(self, index: int) -> Rule: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Rule, ...]: ...

    def __getitem__(self, index: int | slice) -> Rule | tuple[Rule, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        policy = self._owner[index]
        first = self._first.get(policy)
        if first is None:
            first = self._first[policy] = bisect_left(self._owner, policy)
        return self._policies[policy].rules[index - first]
