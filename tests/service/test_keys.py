from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.service import keys
from engine.service.keys import KEY_BYTES, KeyFileError, derive_key, load_key


def test_the_first_start_makes_a_key_that_later_starts_find(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    made = load_key(path)
    assert len(made) == KEY_BYTES
    assert load_key(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]


def test_two_keys_differ(tmp_path: Path) -> None:
    assert load_key(tmp_path / "a") != load_key(tmp_path / "b")


def test_of_two_first_starts_one_makes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    made = load_key(path)
    keys.make_key(path)
    assert load_key(path) == made


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    load_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "ab" * 33, "ä"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"secret\.key"):
        load_key(path)


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="make its folder writable"):
        load_key(tmp_path / "gone" / "secret.key")


def test_nobody_waits_for_a_pipe_in_the_place_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyFileError, match="cannot read the key file"):
        load_key(path)


def test_a_folder_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        load_key(tmp_path)


def test_every_purpose_has_a_key_of_its_own() -> None:
    secret = b"s" * KEY_BYTES
    assert derive_key(secret, "a") == derive_key(secret, "a")
    assert len({derive_key(secret, "a"), derive_key(secret, "b"), derive_key(b"t", "a")}) == 3


def test_a_long_secret_is_a_secret_too() -> None:
    long = bytes(65)
    assert len(derive_key(long, "a")) == KEY_BYTES
    assert derive_key(long, "a") != derive_key(bytes(66), "a")
