from __future__ import annotations

from pathlib import Path

import pytest

from engine.service import nets
from engine.service.bundles import Recipe, load_folder
from engine.service.cache import NO_CACHE, FolderCache, open_cache
from engine.service.compiled import compile_folder
from engine.service.compiler import Finder
from engine.service.compiling import compile_into
from engine.service.nets import (
    FinderError,
    asked_of,
    find_net,
    keep_net,
    require_finder,
    scanner_of,
)
from tests.service.bundle import SECRET, write_folder

pytest.importorskip("hyperscan")

ASKS = """\
policy talk {
  default allow
  rule keys { when content has secret.any then deny }
  rule people { then redact pii.email, pii.card in content as label }
}
"""
TEXT = "ghp_Zq8rT2Lw0Xn5Yb7kC4dE6fG9hJ1mN3pQ5sU7 of a@b.org"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "policies", {"talk.pol": ASKS})


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return open_cache(tmp_path / "cache")


def test_the_net_holds_what_the_policies_ask_for_and_no_more(
    root: Path, cache: FolderCache
) -> None:
    bundle = compile_folder(root, cache)
    asked = asked_of(bundle)
    assert {"secret.github", "pii.email", "pii.card"} <= asked
    assert "pii.iban" not in asked
    scanner = scanner_of(bundle)
    needed = scanner.wanted(asked)
    assert find_net(needed, cache) is None
    keep_net(bundle, cache)
    net = find_net(needed, cache)
    assert net is not None
    assert len(net.aims) == needed.size
    assert needed.size < scanner.wanted(scanner.entities).size


@pytest.mark.slow
def test_a_process_that_compiles_keeps_the_net_unless_it_is_not_wanted(
    root: Path, tmp_path: Path
) -> None:
    bundle = compile_folder(root, NO_CACHE)
    needed = scanner_of(bundle).wanted(asked_of(bundle))
    finders: tuple[tuple[Finder, bool], ...] = (("re2", False), ("auto", True))
    for finder, kept in finders:
        folder = tmp_path / finder
        assert compile_into(root, folder, finder).revision == bundle.revision
        assert (find_net(needed, open_cache(folder)) is not None) is kept


def test_with_and_without_a_net_the_same_is_found(root: Path, cache: FolderCache) -> None:
    plain = load_folder(root, Recipe(SECRET))
    ready = load_folder(root, Recipe(SECRET, prepare=True), cache)
    again = load_folder(root, Recipe(SECRET), cache)
    alone = load_folder(root, Recipe(SECRET, prepare=True, finder="re2"), cache)
    asked = asked_of(compile_folder(root, NO_CACHE))
    found = [one.senses.scanner.scan(TEXT, asked) for one in (plain, ready, again, alone)]
    assert found == [found[0]] * 4
    assert [one.entity for one in found[0]] == ["secret.github", "pii.email"]


def test_policies_that_ask_for_nothing_need_no_net(tmp_path: Path, cache: FolderCache) -> None:
    root = write_folder(tmp_path / "none", {"a.pol": "policy a { default allow }"})
    keep_net(compile_folder(root, cache), cache)
    load_folder(root, Recipe(SECRET, prepare=True), cache)
    assert not asked_of(compile_folder(root, cache))


def test_a_net_of_another_machine_is_none(root: Path, cache: FolderCache) -> None:
    bundle = compile_folder(root, cache)
    needed = scanner_of(bundle).wanted(asked_of(bundle))
    cache.put(needed.digest(), b"of another")
    assert find_net(needed, cache) is None


def test_a_finder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_finder("hyperscan")
    monkeypatch.setattr(nets, "VERSION", "")
    for finder in ("auto", "re2"):
        require_finder(finder)
    with pytest.raises(FinderError, match="cannot be imported here"):
        require_finder("hyperscan")


def test_without_the_library_no_net_is_made_or_looked_for(
    root: Path, cache: FolderCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = compile_folder(root, cache)
    needed = scanner_of(bundle).wanted(asked_of(bundle))
    keep_net(bundle, cache)
    monkeypatch.setattr(nets, "VERSION", "")
    assert find_net(needed, cache) is None
    empty = open_cache(cache.folder / "other")
    keep_net(bundle, empty)
    monkeypatch.undo()
    assert find_net(needed, empty) is None
