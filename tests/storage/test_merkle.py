from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage.merkle import EMPTY, Tree, inclusion, root_from


def leaf(number: int) -> bytes:
    return sha256(b"\0" + str(number).encode()).digest()


def plain_root(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


@given(st.integers(0, 130), st.integers(0, 40))
def test_a_tree_has_the_root_of_the_standard_and_goes_on_from_its_peaks(
    count: int, more: int
) -> None:
    leaves = [leaf(number) for number in range(count + more)]
    tree = Tree()
    tree.extend(leaves[:count])
    assert tree.root == plain_root(leaves[:count])
    further = Tree(tree.size, tree.peaks)
    further.extend(leaves[count:])
    assert further.root == plain_root(leaves)


def test_the_standards_example() -> None:
    # The test vectors of Certificate Transparency's reference implementation.
    data = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
    tree = Tree()
    assert tree.root == EMPTY
    tree.extend([sha256(b"\0" + one).digest() for one in data])
    assert tree.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.integers(1, 70), st.data())
def test_a_path_leads_from_its_leaf_to_the_root_and_from_no_other(
    count: int, data: st.DataObject
) -> None:
    leaves = [leaf(number) for number in range(count)]
    index = data.draw(st.integers(0, count - 1))
    path = inclusion(leaves, index)
    root = plain_root(leaves)
    assert root_from(leaves[index], index, count, path) == root
    assert root_from(leaf(-1), index, count, path) != root
    with pytest.raises(ValueError, match="too long"):
        root_from(leaves[index], index, count, [*path, leaf(0)])
    if path:
        with pytest.raises(ValueError, match="too short"):
            root_from(leaves[index], index, count, path[:-1])


def test_what_is_no_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="3 leaves have 2 whole subtrees"):
        Tree(3, [leaf(0)])
    with pytest.raises(ValueError, match="no leaf 2 among 2"):
        root_from(leaf(0), 2, 2, [])
