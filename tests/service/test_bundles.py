from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, load_folder
from engine.service.cache import FolderCache, open_cache
from engine.service.compiled import PolicyError, compile_folder
from engine.service.gate import Gate
from engine.service.shelf import BUNDLE, SERVED, FolderShelf, keep_served
from engine.service.stored import fetch_bundle
from tests.service.bundle import SECRET, asked, write_folder

RECIPE = Recipe(SECRET)

TENANTS = """\
schema { tenant.plan: "free" | "pro" }
facts tenant from "data/tenants.json"
list blocked from "data/blocked.txt"
entity house.badge { pattern /B-[0-9]{4}/ }
entity house.word { terms blocked }
policy plans {
  default allow
  rule free { when tenant.plan == "free" then deny "the free plan may not" }
  rule badge { when content has house.badge then redact house.badge }
  rule words { when content has house.word then deny "a blocked word" }
}
"""

FILES: dict[str, str | bytes] = {
    "plans.pol": TENANTS,
    "data/tenants.json": '{"north": {"plan": "pro"}, "south": {"plan": "free"}}',
    "data/blocked.txt": "plutonium\n",
}


def gate(policies: PolicySet) -> Gate:
    made = Gate(MemoryStore(), secret=SECRET)
    made.swap(policies)
    return made


def codes(root: Path) -> list[tuple[str, str]]:
    with pytest.raises(PolicyError) as caught:
        load_folder(root, RECIPE)
    return [(one.span.path, one.code) for one in caught.value.diagnostics]


def refusal(root: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        load_folder(root, RECIPE)
    return str(caught.value)


def test_policies_facts_lists_and_entities_come_together(tmp_path: Path) -> None:
    made = gate(load_folder(write_folder(tmp_path, FILES), RECIPE))
    assert made.decide(asked()).action == "allow"
    assert made.decide(asked(tenant={"id": "south"})).reasons[0].rule == "plans.free"
    assert made.decide(asked(tenant={"id": "west"})).action == "deny"
    assert made.decide(asked("badge B-1234")).content == "badge [BADGE]"
    assert made.decide(asked("some plutonium")).reasons[0].rule == "plans.words"


def test_the_recipe_limits_the_content(tmp_path: Path) -> None:
    policies = load_folder(write_folder(tmp_path), Recipe(SECRET, content_characters=3))
    assert gate(policies).decide(asked("abc")).action == "allow"
    with pytest.raises(Exception, match="limit is 3"):
        gate(policies).decide(asked("abcd"))


def test_detectors_that_are_made_ready_find_the_same(tmp_path: Path) -> None:
    policies = load_folder(write_folder(tmp_path, FILES), Recipe(SECRET, prepare=True))
    assert gate(policies).decide(asked("badge B-1234")).content == "badge [BADGE]"


@pytest.mark.parametrize("name", list(FILES))
def test_every_input_changes_the_revision(tmp_path: Path, name: str) -> None:
    root = write_folder(tmp_path, FILES)
    before = compile_folder(root).revision
    assert compile_folder(root).revision == before
    path = root / name
    path.write_bytes(path.read_bytes() + b"\n\n")
    assert compile_folder(root).revision != before


def test_the_revision_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    one = compile_folder(write_folder(tmp_path / "one", FILES))
    two = compile_folder(write_folder(tmp_path / "two", FILES))
    assert one.revision == two.revision


def test_all_problems_of_all_files_come_at_once_with_their_lines(tmp_path: Path) -> None:
    root = write_folder(
        tmp_path,
        {"a.pol": "policy a { default perhaps }", "b.pol": b"\xff", "c.pol": "policy c {"},
    )
    assert {path for path, _ in codes(root)} == {"a.pol", "b.pol", "c.pol"}
    shown = refusal(root)
    assert "a.pol:1:20" in shown
    assert "policy a { default perhaps }" in shown


def test_a_list_file_that_vanished_is_named_with_the_place(tmp_path: Path) -> None:
    root = write_folder(tmp_path, FILES)
    (root / "data/blocked.txt").unlink()
    assert codes(root) == [("plans.pol", "E807")]
    assert "`data/blocked.txt` cannot be read" in refusal(root)


def test_facts_that_vanished_are_named_with_the_place(tmp_path: Path) -> None:
    root = write_folder(tmp_path, FILES)
    (root / "data/tenants.json").unlink()
    assert codes(root) == [("plans.pol", "E807")]


@pytest.mark.slow
def test_a_wrong_type_deep_in_the_facts_is_named_with_its_line(tmp_path: Path) -> None:
    rows = [f'"t{number}": {{"plan": "pro"}}' for number in range(50_000)]
    rows[40_000] = '"t40000": {"plan": 7}'
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    root = write_folder(tmp_path, {**FILES, "data/tenants.json": text})
    shown = refusal(root)
    assert "data/tenants.json:40002:" in shown
    assert '"t40000": {"plan": 7}' in shown


def test_an_empty_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    assert [code for _, code in codes(tmp_path)] == ["E802"]
    assert [code for _, code in codes(tmp_path / "gone")] == ["E801"]


def test_warnings_do_not_stop_a_bundle(tmp_path: Path) -> None:
    text = """
    policy a {
      default allow
      rule r { when stage == "request" and stage == "response" then deny }
    }
    """
    bundle = compile_folder(write_folder(tmp_path, {"a.pol": text}))
    assert [one.severity for one in bundle.warnings] == ["warning"]


# --- the cache -----------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return open_cache(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "policies", FILES)


def forbid_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr("engine.service.compiled.compile_sources", refuse)


def test_an_unchanged_folder_comes_from_the_cache(
    root: Path, cache: FolderCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compile_folder(root, cache)
    forbid_compiling(monkeypatch)
    assert compile_folder(root, cache) == made
    assert gate(load_folder(root, RECIPE, cache)).decide(asked()).action == "allow"


@pytest.mark.parametrize("name", list(FILES))
def test_a_changed_input_is_compiled_again(root: Path, cache: FolderCache, name: str) -> None:
    before = compile_folder(root, cache)
    path = root / name
    path.write_bytes(path.read_bytes() + b"\n\n")
    after = compile_folder(root, cache)
    assert after.revision != before.revision
    assert after == compile_folder(root)


def test_vanished_data_is_told_even_when_the_cache_has_the_bundle(
    root: Path, cache: FolderCache
) -> None:
    compile_folder(root, cache)
    (root / "data/blocked.txt").unlink()
    with pytest.raises(PolicyError, match=r"blocked\.txt"):
        compile_folder(root, cache)


def test_what_does_not_check_is_not_kept(root: Path, cache: FolderCache) -> None:
    good = compile_folder(root, cache)
    (root / "bad.pol").write_text("policy bad {")
    for _ in range(2):
        with pytest.raises(PolicyError):
            compile_folder(root, cache)
    (root / "bad.pol").unlink()
    assert compile_folder(root, cache) == good


def test_another_process_finds_a_bundle_by_its_revision(root: Path, cache: FolderCache) -> None:
    shelf = FolderShelf(cache, root)
    assert fetch_bundle("any", shelf) is None
    made = compile_folder(root, cache)
    assert fetch_bundle(made.revision, shelf) == made
    assert fetch_bundle("another", shelf) is None


def test_what_is_served_stays_though_something_else_is_compiled(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "policies")
    shelf = FolderShelf(open_cache(tmp_path / "cache"), root)
    keep_served(shelf)
    assert shelf.get(SERVED) is None
    first = compile_folder(root, shelf.cache)
    keep_served(shelf)
    write_folder(root, {"more.pol": "policy more { default allow }"})
    second = compile_folder(root, shelf.cache)
    assert fetch_bundle(first.revision, shelf) == first
    assert fetch_bundle(second.revision, shelf) == second
    keep_served(shelf)
    assert fetch_bundle(first.revision, shelf) is None


def test_two_folders_share_a_cache(root: Path, cache: FolderCache, tmp_path: Path) -> None:
    other = write_folder(tmp_path / "other")
    made = compile_folder(root, cache), compile_folder(other, cache)
    assert (compile_folder(root, cache), compile_folder(other, cache)) == made


def test_a_lost_bundle_is_compiled_again(root: Path, cache: FolderCache) -> None:
    made = compile_folder(root, cache)
    cache.path(FolderShelf(cache, root).key(BUNDLE)).unlink()
    assert compile_folder(root, cache) == made


def test_a_long_list_of_problems_is_cut_in_the_text_and_whole_in_the_values(root: Path) -> None:
    rules = "\n".join(f"rule r{number} {{ when nothing == 1 then deny }}" for number in range(300))
    (root / "bad.pol").write_text(f"policy bad {{\ndefault allow\n{rules}\n}}")
    with pytest.raises(PolicyError) as caught:
        compile_folder(root)
    assert len(caught.value.diagnostics) == 300
    assert str(caught.value).endswith("and 100 more problems")
