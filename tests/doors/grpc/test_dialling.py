"""The command line's way to a daemon over TLS, and what it says where there is none."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from engine.doors.grpc.caller import CallError, ask
from engine.doors.grpc.certificates import TlsFiles
from engine.doors.grpc.dialling import Trust, unproven
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.service import Service
from engine.runtime.request import Request
from tests.doors.grpc import serving
from tests.doors.grpc.authority import Authority, Pair, key_pem
from tests.doors.grpc.serving import Daemon, make_door, make_gate, run

AUTHORITY = Authority()
OTHER = Authority("somebody else")
HELLO = Request(tenant={"id": "north"}, user={"id": "u1"}, stage="request", content="hello")


@contextmanager
def daemon(folder: Path, pair: Pair | None, *, mutual: bool = False) -> Iterator[Daemon]:
    tls = pair.write(folder, AUTHORITY.root if mutual else None).load() if pair else None
    service = Service(make_gate(), "")
    with Daemon(service.gate, run(make_door(service, (Listener("127.0.0.1:0", tls),)))) as made:
        yield made


def trust(
    folder: Path, root: bytes = AUTHORITY.root, own: Pair | None = None, server_name: str = ""
) -> Trust:
    folder.joinpath("roots.crt").write_bytes(root)
    mine = folder / "own"
    mine.mkdir(exist_ok=True)
    files = own.write(mine) if own else TlsFiles(Path(), Path())
    return Trust(
        str(folder / "roots.crt"),
        str(files.certificate) if own else "",
        str(files.key) if own else "",
        server_name,
    )


def said(address: str, trusted: Trust | None) -> str:
    """Return why there is no decision."""
    with pytest.raises(CallError) as caught:
        ask(address, HELLO, 5, trusted)
    return str(caught.value)


def test_a_daemon_with_tls_answers_who_trusts_it(tmp_path: Path) -> None:
    with daemon(tmp_path, AUTHORITY.issue()) as made:
        assert ask(made.address, HELLO, 5, trust(tmp_path)).action == "allow"


def test_a_daemon_that_asks_who_calls_is_shown_a_certificate(tmp_path: Path) -> None:
    with daemon(tmp_path, AUTHORITY.issue(), mutual=True) as made:
        own = trust(tmp_path, own=AUTHORITY.issue("me"))
        assert ask(made.address, HELLO, 5, own).action == "allow"
        found = said(made.address, trust(tmp_path))
        # In words of its own, too, if it has any: grpcio's server says nothing of it.
        alert = ": tlsv13 alert certificate required" if serving.chosen == "lean" else ""
        assert f"wants to see a certificate{alert}; give --cert" in found


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (
            OTHER.issue("me"),
            "does not accept the certificate in {file}{alert}; it must be of an authority",
        ),
        (AUTHORITY.issue("me", days=-1), "the certificate in {file} has expired"),
    ],
    ids=["of another authority", "expired"],
)
def test_a_certificate_that_the_daemon_refuses_is_named(
    tmp_path: Path, own: Pair, why: str
) -> None:
    with daemon(tmp_path, AUTHORITY.issue(), mutual=True) as made:
        found = said(made.address, trust(tmp_path, own=own))
    alert = ": tlsv1 alert unknown ca" if serving.chosen == "lean" else ""
    assert why.format(file=tmp_path / "own" / "tls.crt", alert=alert) in found


def test_what_other_servers_say_of_a_certificate_is_told(tmp_path: Path) -> None:
    AUTHORITY.issue().write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.root.decode())

    def shake(found: socket.socket) -> None:
        with suppress(OSError):
            context.wrap_socket(found, server_side=True)  # A blocking one sends its alert.

    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context.maximum_version = version
        with listening(shake) as address:
            assert "wants to see a certificate: " in said(address, trust(tmp_path))
            refused = said(address, trust(tmp_path, own=OTHER.issue("me")))
            assert "tls.crt: tlsv1 alert unknown ca; it must be of" in refused


def test_an_authority_that_is_not_trusted_is_told_with_the_remedy(tmp_path: Path) -> None:
    with daemon(tmp_path, AUTHORITY.issue()) as made:
        for trusted in (trust(tmp_path, OTHER.root), Trust()):
            assert "is not trusted: name the right one with --ca" in said(made.address, trusted)


def test_a_certificate_that_has_expired_is_told(tmp_path: Path) -> None:
    with daemon(tmp_path, AUTHORITY.issue(days=-1)) as made:
        assert "has expired" in said(made.address, trust(tmp_path))


def test_a_certificate_for_another_name_is_told_and_the_name_can_be_given(tmp_path: Path) -> None:
    with daemon(tmp_path, AUTHORITY.issue("pdp.example")) as made:
        wrong = said(made.address, trust(tmp_path, server_name="api.example"))
        assert "is not for `api.example`: ask by its name, or give it with --server-name" in wrong
        right = trust(tmp_path, server_name="pdp.example")
        assert ask(made.address, HELLO, 5, right).action == "allow"


def test_tls_to_a_daemon_without_it_and_the_reverse_are_told(tmp_path: Path) -> None:
    with daemon(tmp_path, None) as made:
        assert "speaks no TLS: leave the options of TLS out" in said(made.address, trust(tmp_path))
    with daemon(tmp_path, AUTHORITY.issue()) as made:
        assert "speaks TLS: add --tls" in said(made.address, None)
    with daemon(tmp_path, AUTHORITY.issue(), mutual=True) as made:
        assert "speaks TLS: add --tls" in said(made.address, None)


def test_a_socket_speaks_no_tls(tmp_path: Path) -> None:
    assert "speaks no TLS" in said(f"unix://{tmp_path}/s", Trust())


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """Listen, and do *answer* with each connection; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    found, _ = server.accept()
                except OSError:
                    return
                with found:
                    answer(found)

        thread = Thread(target=accept)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_who_is_no_daemon_is_told(tmp_path: Path) -> None:
    with listening(lambda _: None) as address:
        assert "ended the handshake of TLS" in said(address, trust(tmp_path))
        assert "cannot be spoken with" in said(address, None)
    with listening(lambda found: found.sendall(b"HTTP/1.1 400 no\r\n\r\n")) as address:
        assert "cannot be spoken with" in said(address, None)
    assert "no daemon answers" in said(address, trust(tmp_path))


def test_files_that_cannot_be_used_are_named_before_anybody_is_asked(tmp_path: Path) -> None:
    own = AUTHORITY.issue("me")
    good = trust(tmp_path, own=own)
    none, nowhere = str(tmp_path / "none"), "127.0.0.1:1"
    garbage = tmp_path / "garbage"
    garbage.write_text("no PEM")
    key = good.key_file
    assert f"cannot read --ca {none}: No such file" in said(nowhere, Trust(none))
    assert f"--ca {garbage} holds no certificate" in said(nowhere, Trust(str(garbage)))
    assert f"cannot read --cert {none} or --key {key}" in said(nowhere, Trust("", none, key))
    assert "give both --cert and --key" in said(nowhere, Trust("", key_file=key))
    assert "are no certificate and its key" in said(nowhere, Trust("", str(garbage), key))
    Path(key).write_bytes(AUTHORITY.issue("other").key)
    assert "is not that of the certificate" in said(nowhere, Trust("", good.certificate_file, key))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    own = trust(tmp_path, own=AUTHORITY.issue("me"))
    certificate, key = own.certificate_file, own.key_file
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    nowhere, why = "127.0.0.1:1", f"{pipe} is no regular file: write the PEM into one"
    assert said(nowhere, Trust(str(pipe))) == f"--ca {why}"
    assert said(nowhere, Trust("", str(pipe), key)) == f"--cert {why}"
    assert said(nowhere, Trust("", certificate, str(pipe))) == f"--key {why}"
    assert "--ca /dev/zero is no regular file" in said(nowhere, Trust("/dev/zero"))


def test_a_key_that_is_encrypted_is_told_and_asks_nobody_for_a_password(tmp_path: Path) -> None:

    own = AUTHORITY.issue("me")
    opened = load_pem_private_key(own.key, None)
    sealed = trust(tmp_path, own=Pair(own.certificate, key_pem(opened, b"secret")))  # type: ignore[arg-type]
    assert "is encrypted: decrypt it" in said("127.0.0.1:1", sealed)


@pytest.mark.parametrize(
    ("code", "why"), [(9, "not valid yet: look at the clocks"), (1, "not accepted: odd")]
)
def test_rarer_faults_of_a_certificate_are_told_too(code: int, why: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "odd"
    assert why in unproven("a:1", "a", error)
