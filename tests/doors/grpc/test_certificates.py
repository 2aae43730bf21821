from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from engine.doors.grpc.addresses import ListenError
from engine.doors.grpc.certificates import Certificates, TlsError, TlsFiles
from tests.doors.grpc.authority import Authority, key_pem, write_key

AUTHORITY = Authority()
PAIR = AUTHORITY.issue()


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return PAIR.write(tmp_path, AUTHORITY.root)


def why(files: TlsFiles) -> str:
    with pytest.raises(TlsError) as caught:
        files.load()
    return str(caught.value)


def test_what_is_in_the_files_is_shown(files: TlsFiles) -> None:
    found = files.load()
    assert (found.certificate, found.key) == (PAIR.certificate, PAIR.key)
    assert found.client_roots == AUTHORITY.root
    assert TlsFiles(files.certificate, files.key).load().client_roots is None


@pytest.mark.parametrize("name", ["certificate", "key", "client_ca"])
def test_a_file_that_is_away_is_named(files: TlsFiles, name: str) -> None:
    path = getattr(files, name)
    path.unlink()
    assert why(files) == f"cannot read {path}: No such file or directory; see `grpc.tls`"


@pytest.mark.parametrize("name", ["certificate", "key", "client_ca"])
def test_nobody_waits_for_a_pipe_in_the_place_of_a_file(files: TlsFiles, name: str) -> None:
    path = getattr(files, name)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert why(files) == f"cannot read {path}: it is no regular file; see `grpc.tls`"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o660])
def test_a_key_that_is_open_to_others_is_not_used(files: TlsFiles, mode: int) -> None:
    files.key.chmod(mode)
    assert why(files) == f"the key file {files.key} is open to others; run `chmod 600 {files.key}`"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to root")
@pytest.mark.parametrize(("mode", "fine"), [(0o440, True), (0o444, False), (0o460, False)])
def test_a_key_of_root_may_be_for_a_group(
    files: TlsFiles, mode: int, *, fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.key.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if fine:
        assert files.load()
    else:
        assert "open to others" in why(files)


def test_a_pair_that_does_not_match_is_told_so(files: TlsFiles) -> None:
    write_key(files.key, AUTHORITY.issue().key)
    assert why(files) == (
        f"the key in {files.key} is not that of the certificate in {files.certificate}"
    )


def test_what_is_no_certificate_or_key_is_told_so(files: TlsFiles) -> None:
    assert files.client_ca is not None
    files.client_ca.write_text("nothing")
    assert why(files) == f"{files.client_ca} holds no certificate (PEM)"
    files.certificate.write_bytes(b"\xff\xfe")
    assert why(files) == f"{files.certificate} holds no certificate (PEM)"
    write_key(files.key, PAIR.certificate)
    assert why(files) == f"{files.key} holds no private key (PEM)"


def test_a_key_of_another_kind_is_told_so(files: TlsFiles) -> None:
    broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    write_key(files.key, broken)
    assert why(files) == (
        f"the certificate in {files.certificate} cannot be used with the key in {files.key}"
    )


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(files: TlsFiles) -> None:
    write_key(files.key, key_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    assert "is encrypted" in why(files)


def test_every_error_is_one_of_listening_and_holds_no_key(files: TlsFiles) -> None:
    write_key(files.key, AUTHORITY.issue().key)
    with pytest.raises(ListenError) as caught:
        files.load()
    assert "PRIVATE" not in str(caught.value)


def test_a_renewed_pair_is_taken_once_it_is_whole(files: TlsFiles) -> None:
    kept = Certificates(files)
    first = kept.tls
    assert kept.renewed() is None
    renewed = AUTHORITY.issue()
    files.certificate.write_bytes(renewed.certificate)
    with pytest.raises(TlsError, match="is not that of"):
        kept.renewed()
    assert kept.renewed() is None  # It is told once.
    assert kept.tls is first
    write_key(files.key, renewed.key)
    found = kept.renewed()
    assert found is not None
    assert (found, found.key) == (kept.tls, renewed.key)


def test_a_renewed_key_is_taken_once_it_is_open_to_nobody_else(files: TlsFiles) -> None:
    kept = Certificates(files)
    renewed = AUTHORITY.issue()
    files.certificate.write_bytes(renewed.certificate)
    files.key.write_bytes(renewed.key)
    files.key.chmod(0o644)
    with pytest.raises(TlsError, match="open to others"):
        kept.renewed()
    assert kept.renewed() is None
    files.key.chmod(0o600)
    assert kept.renewed() == kept.tls
    assert kept.tls.key == renewed.key


def test_a_touched_file_is_no_news(files: TlsFiles) -> None:
    kept = Certificates(files)
    os.utime(files.key, ns=(1, 1))
    assert kept.renewed() is None


def test_a_file_that_goes_leaves_the_pair_before(files: TlsFiles) -> None:
    kept = Certificates(files)
    files.key.unlink()
    with pytest.raises(TlsError, match="cannot read"):
        kept.renewed()
    assert kept.tls.key == PAIR.key
    assert kept.renewed() is None
