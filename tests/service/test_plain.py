from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from engine.service.plain import MEBIBYTE, read_plain


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\r\nb\0\xff")
    assert read_plain(path) == b"a\r\nb\0\xff"
    (tmp_path / "link").symlink_to(path)
    assert read_plain(tmp_path / "link") == read_plain(path, 6)


def test_one_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # It takes no room, and would take more memory than there is.
    with pytest.raises(OSError, match="more than 1,048,576 bytes"):
        read_plain(path)
    os.truncate(path, MEBIBYTE)
    assert len(read_plain(path)) == MEBIBYTE


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="no regular file"):
        read_plain(path)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full", "/dev", "/nowhere"])
def test_what_is_no_file_is_told(path: str) -> None:
    with pytest.raises(OSError, match=r"file|directory"):
        read_plain(Path(path))


def test_a_socket_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        with pytest.raises(OSError, match="No such device"):
            read_plain(path)
