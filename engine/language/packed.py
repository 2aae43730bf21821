"""Trees in, their bytes kept, and a tree back only when it is asked for.

A decision looks at the few rules that matched. Decoding ten thousand when a bundle is loaded would
take two seconds and a hundred megabytes; a bundle of bytes is loaded in no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar, overload

from engine.language.pickled import dump_tree, load_tree
from engine.language.program import Policy, Rule

T = TypeVar("T")


class Packed(Sequence[T], Generic[T]):
    """A sequence whose members are decoded one by one, each once."""

    __slots__ = ("_bytes", "_members")

    def __init__(self, members: Iterable[bytes]) -> None:
        """Take members as `dump_tree` made them; trust them as code."""
        self._bytes = tuple(members)
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

    def __reduce__(self) -> tuple[type[Packed[T]], tuple[tuple[bytes, ...]]]:
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
        for number, policy in enumerate(owner):
            self._first.setdefault(policy, number)

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
        return self._policies[policy].rules[index - self._first[policy]]
