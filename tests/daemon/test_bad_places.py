"""What whoever starts a daemon reads when files, folders or addresses are not as they should be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.running import refused
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow
WORKERS = pytest.mark.parametrize("workers", ["0", "1"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": "policy door { default allow }"})
    return tmp_path


@contextmanager
def small_disk(place: Path, free: int) -> Iterator[Path]:
    """Mount a disk with so many KiB free; skip the test where that is not allowed."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:  # noqa: S603
        pytest.skip("only root may mount a small disk")
    try:
        place.joinpath("fill").write_bytes(bytes((60 - free) * 1024))
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S603, S607


def sentence(folder: Path, workers: str, *flags: str) -> str:
    """Return what the last line says; there is no traceback, and the code is 2."""
    given = ("--metrics=", f"--workers={workers}", *flags)
    code, said = refused(folder, *given)
    assert code == 2, said
    assert "Traceback" not in said
    return said.splitlines()[-1]


@WORKERS
def test_a_socket_that_cannot_be_is_told_with_the_remedy(folder: Path, workers: str) -> None:
    (folder / "file").touch()
    for path, why in (
        ("none/s", "there is no folder"),
        ("file", "there is a file that is no socket: remove it"),
    ):
        said = sentence(folder, workers, "--listen=", f"--socket={folder}/{path}")
        assert said.startswith(f"engine: cannot listen on unix://{folder}/{path}: {why}")


@WORKERS
def test_a_file_of_tls_that_is_missing_is_named(folder: Path, workers: str) -> None:
    tls = ("--set=grpc.tls.certificate_file=c", "--set=grpc.tls.key_file=k")
    said = sentence(folder, workers, "--listen=127.0.0.1:0", *tls)
    assert said == "engine: cannot read c: No such file or directory; see `grpc.tls`"


def test_a_record_that_cannot_be_is_told_with_its_setting(folder: Path) -> None:
    said = sentence(folder, "0", "--listen=127.0.0.1:0", f"--record={folder}")
    assert said == f"engine: cannot open the record {folder}: Is a directory; see `record.file`"


@WORKERS
@pytest.mark.parametrize("free", [0, 20])
def test_a_full_disk_is_told_of(folder: Path, workers: str, free: int) -> None:
    with small_disk(folder / "disk", free) as place:
        said = sentence(folder, workers, "--listen=127.0.0.1:0", f"--data={place}/data")
    assert str(place) in said
    assert "No space left" in said or "is there room on the disk?" in said
