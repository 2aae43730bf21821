"""Keys of tenants: one each, gone for good when they are erased, of use to nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.service import vault as vaults
from engine.service.vault import Erased, Kept, Vault, VaultError, erase, key_path
from tests.service.test_journal import full_disk

SECRET = b"s" * 32
SAID = b"what somebody said"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "keys", SECRET)


def test_what_was_sealed_is_opened_by_every_process_with_the_secret(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    assert vault.open("north", "d1", key, sealed) == SAID
    assert Vault(vault.folder, SECRET).open("north", "d1", key, sealed) == SAID
    assert "somebody" not in sealed


def test_the_same_is_sealed_differently_each_time(vault: Vault) -> None:
    assert vault.seal("north", "d1", SAID)[1] != vault.seal("north", "d1", SAID)[1]


def test_tenants_have_keys_of_their_own_whatever_they_are_called(vault: Vault) -> None:
    for tenant in ("north", "../north", "", "n\0rth", "n" * 1024):
        key, sealed = vault.seal(tenant, "d1", SAID)
        assert vault.open(tenant, "d1", key, sealed) == SAID
    assert len(list(vault.folder.iterdir())) == 5
    assert vault.folder.stat().st_mode & 0o077 == 0


def test_what_is_sealed_for_one_decision_or_tenant_opens_for_no_other(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    other, _ = vault.seal("south", "d1", SAID)
    for tenant, decision, key_id in (("north", "d2", key), ("south", "d1", other)):
        with pytest.raises(VaultError, match="another decision"):
            vault.open(tenant, decision, key_id, sealed)


@pytest.mark.parametrize("spoilt", ["", "no base64!", "AAAA", "A" * 60])
def test_what_was_never_sealed_does_not_open(spoilt: str, vault: Vault) -> None:
    key, _ = vault.seal("north", "d1", SAID)
    with pytest.raises(VaultError, match="changed"):
        vault.open("north", "d1", key, spoilt)


def test_erasing_a_tenant_leaves_nothing_to_read(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    kept = vault.seal("south", "d1", SAID)
    assert erase(vault.folder, "north") == key
    with pytest.raises(Erased):
        vault.open("north", "d1", key, sealed)
    assert [path.name for path in vault.folder.iterdir()] == [key_path(Path(), "south").name]
    assert vault.open("south", "d1", *kept) == SAID


def test_a_process_that_has_the_erased_key_at_hand_does_not_bring_it_back(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    erase(vault.folder, "north")
    fresh, again = vault.seal("north", "d2", SAID)
    assert fresh != key
    assert vault.open("north", "d2", fresh, again) == SAID
    with pytest.raises(Erased):
        vault.open("north", "d1", key, sealed)


def test_a_key_that_another_process_has_made_anew_is_noticed(vault: Vault) -> None:
    vault.seal("north", "d1", SAID)
    erase(vault.folder, "north")
    key, sealed = Vault(vault.folder, SECRET).seal("north", "d2", SAID)
    assert vault.open("north", "d2", key, sealed) == SAID
    assert vault.seal("north", "d3", SAID)[0] == key


def test_whoever_comes_late_finds_the_key_that_is_there(vault: Vault) -> None:
    key, _ = vault.seal("north", "d1", SAID)
    vault._make("north")
    assert vault.seal("north", "d2", SAID)[0] == key


def test_erasing_takes_other_names_of_the_file_along_and_can_be_repeated(vault: Vault) -> None:
    key, _ = vault.seal("north", "d1", SAID)
    path = key_path(vault.folder, "north")
    left = path.with_name(f".{path.name}.0123")
    os.link(path, left)
    path.with_name(f".{path.name}.torn").write_bytes(b'{"id"')
    held = left.open("rb")
    assert erase(vault.folder, "north") == key
    assert list(vault.folder.iterdir()) == []
    assert not held.read().strip(b"\0")
    held.close()
    assert erase(vault.folder, "north") is None
    assert erase(vault.folder / "none", "north") is None


def test_with_another_secret_nothing_opens_and_nothing_is_overwritten(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    other = Vault(vault.folder, b"t" * 32)
    with pytest.raises(VaultError, match="the secret is another"):
        other.seal("north", "d2", SAID)
    assert vault.open("north", "d1", key, sealed) == SAID


def test_a_spoilt_key_is_told_and_does_not_become_another(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    path = key_path(vault.folder, "north")
    kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    for data in (b"", b"{", msgspec.json.encode(Kept(kept.id, "south", kept.sealed[:-1]))):
        path.write_bytes(data)
        with pytest.raises(VaultError, match="cannot be read"):
            vault.open("north", "d1", key, sealed)


def test_nobody_waits_for_a_pipe_in_the_place_of_a_key(vault: Vault) -> None:
    os.mkfifo(key_path(vault.folder, "north"))
    with pytest.raises(VaultError, match="it is no regular file"):
        vault.seal("north", "d1", b"x")


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VaultError, match="cannot keep keys"):
        Vault(tmp_path / "file" / "keys", SECRET)


def test_a_folder_that_cannot_be_used_is_told(vault: Vault) -> None:
    key, sealed = vault.seal("north", "d1", SAID)
    path = key_path(vault.folder, "south")
    path.mkdir()
    with pytest.raises(VaultError, match="no key can be kept"):
        vault.seal("south", "d1", SAID)
    with pytest.raises(VaultError, match="no key can be read"):
        vault.open("south", "d1", key, sealed)


def test_on_a_full_disk_no_half_a_key_is_left(vault: Vault) -> None:
    with full_disk(20), pytest.raises(VaultError, match="no key can be kept"):
        vault.seal("north", "d1", SAID)
    assert list(vault.folder.iterdir()) == []
    key, sealed = vault.seal("north", "d1", SAID)
    assert vault.open("north", "d1", key, sealed) == SAID


def test_a_key_that_never_stays_is_given_up(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vaults, "write_whole", lambda path, data: None)  # noqa: ARG005
    with pytest.raises(VaultError, match="again and again"):
        vault.seal("north", "d1", SAID)


FIRST_USE = """\
import sys
from pathlib import Path
from engine.service.vault import Vault
vault = Vault(Path(sys.argv[1]), b"s" * 32)
sys.stdin.readline()
print(*(vault.seal(f"t{one}", "d", b"said")[0] for one in range(50)))
"""


@pytest.mark.slow
def test_processes_that_need_a_first_key_at_the_same_time_get_one(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and words
            [sys.executable, "-c", FIRST_USE, str(tmp_path / "keys")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    made = [worker.communicate(timeout=60)[0] for worker in workers]
    assert len(set(made)) == 1
    assert len(made[0].split()) == 50
