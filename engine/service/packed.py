"""Trees in, their bytes kept, and a tree back only when it is asked for.

A decision looks at the few rules that matched. Decoding ten thousand when a bundle is loaded would
take two seconds and a hundred megabytes; a bundle of bytes is loaded in no time.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from engine.language.program import Policy, Rule

T = TypeVar("T")


class Packed(Sequence[T], Generic[T]):
    """A sequence whose members are decoded one by one, each once."""

    __slots__ = ("_bytes", "_members")

    def __init__(self, members: Iterable[bytes]) -> None:
        """Take what `pack` made; trust it as code."""
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
            member = pickle.loads(self._bytes[index])  # noqa: S301 - see ``__init__``
            self._members[index] = member
        return member

    def raw(self, index: int) -> bytes:
        """Return the bytes of a member."""
        return self._bytes[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[type[Packed[T]], tuple[tuple[bytes, ...]]]:
        return Packed, (self._bytes,)


def pack(members: Iterable[T]) -> Packed[T]:
    """Return *members*, each as bytes."""
    return Packed(pickle.dumps(one, protocol=pickle.HIGHEST_PROTOCOL) for one in members)


@dataclass(frozen=True, slots=True)
class Origin:
    """From what policies were made: the declarations that all files see, and each file's text.

    *names* are the policies' in their order. The same text under the same declarations makes the
    same policies, so their bytes can be taken over.
    """

    environment: str
    files: Mapping[str, bytes]
    names: tuple[str, ...]


def repack(
    policies: Sequence[Policy], origin: Origin, old: Packed[Policy], old_origin: Origin
) -> Packed[Policy]:
    """Return *policies* as bytes, taking over those of *old* whose files did not change."""
    same: dict[str, int] = {}
    if origin.environment == old_origin.environment:
        same = {name: number for number, name in enumerate(old_origin.names)}
    made: list[bytes] = []
    for policy in policies:
        number, path = same.get(policy.name), policy.span.path
        if number is not None and origin.files[path] == old_origin.files.get(path):
            made.append(old.raw(number))
        else:
            made.append(pickle.dumps(policy, protocol=pickle.HIGHEST_PROTOCOL))
    return Packed(made)


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
