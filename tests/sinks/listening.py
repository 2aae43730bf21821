"""Real servers on loopback that notices are sent to: HTTP, and SMTP with STARTTLS or TLS."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.ports import free_port


@dataclass
class Heard:
    """What came to a server: its path, headers and body."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    """An HTTP server. *answers* are the statuses of the next calls; 200 after that."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    """Is done while a call waits for its answer."""
    came: threading.Condition = field(default_factory=threading.Condition)

    def until(self, number: int, patience: float = 60.0) -> list[Heard]:
        """Return what came, when it is *number* calls."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.heard) >= number, patience), self.heard
            return list(self.heard)


@contextmanager
def web_server(port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Serve on loopback."""
    made = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.meanwhile()
            status = made.answers.pop(0) if made.answers else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            with made.came:
                made.heard.append(Heard(self.path, dict(self.headers), body))
                made.came.notify_all()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # A caller that has gone, or does not trust us.

    server = Server(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """What a mail server took; *refuse* is what it answers instead, while there is something."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    unknown: str = ""
    """Whom it has no mailbox for."""

    async def handle_RCPT(  # noqa: N802  aiosmtpd calls it so
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        del server, session, options
        if address == self.unknown:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(  # noqa: N802  aiosmtpd calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        if self.refuse:
            return self.refuse.pop(0)
        made = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        return "250 taken"

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"s3cret", handled=False)


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None, *, wrapped: bool = False, login: bool = False
) -> Iterator[Mailbox]:
    """Serve SMTP on loopback: with STARTTLS, or *wrapped* in TLS, or neither."""
    made = Mailbox()
    controller = Controller(
        made,
        hostname="127.0.0.1",
        port=free_port(),
        ready_timeout=60.0,
        ssl_context=tls if wrapped else None,
        tls_context=None if wrapped else tls,
        require_starttls=tls is not None and not wrapped,
        authenticator=made.login if login else None,
        auth_required=login and not wrapped,
        auth_require_tls=not wrapped,
    )
    controller.start()
    try:
        made.port = controller.port
        yield made
    finally:
        controller.stop()


def self_signed(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Return what a server shows as *host*, and the file by which callers trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "server.pem", folder / "server.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context, chain
