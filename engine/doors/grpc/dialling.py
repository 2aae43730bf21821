"""The address of a daemon and how to trust it in; a channel to it out, or why there is none.

gRPC says little of a handshake that failed, so who asks for the reason has it looked for with a
connection of its own.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509

from engine.doors.grpc.addresses import path_of

MOST_BYTES = 64 << 20
OPTIONS = (("grpc.max_receive_message_length", MOST_BYTES), ("grpc.enable_retries", 0))
PATIENCE_SECONDS = 3.0
"""How long the look at a failed connection may take, each step of it."""

NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
"""OpenSSL's reasons where what came is no TLS."""
EXPIRED, NOT_YET, OTHER_NAME, OTHER_ADDRESS = 10, 9, 62, 64
UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
"""OpenSSL's X509_V_ERR codes."""


class DialError(Exception):
    """There can be no connection; the text says why, with the remedy."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Files (PEM) by which a client trusts a daemon, and shows who it is; all but none optional."""

    ca_file: str = ""
    """Empty: whom the system trusts."""
    certificate_file: str = ""
    key_file: str = ""
    server_name: str = ""
    """What the daemon's certificate is for, where that is not the host of the address."""

    def read(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Return roots, key and certificate. Raises DialError where they cannot be used."""
        if bool(self.certificate_file) != bool(self.key_file):
            raise DialError("a certificate needs its key: give both --cert and --key")
        self._plain()
        self.context()
        system = ssl.get_default_verify_paths().cafile or ""
        roots, key, certificate = (
            Path(one).read_bytes() if one else None
            for one in (self.ca_file or system, self.key_file, self.certificate_file)
        )
        return roots, key, certificate

    def _plain(self) -> None:
        """Raise DialError for what is there and no file.

        Each is read more than once, and a pipe may never bring anything.
        """
        for flag, file in (
            ("--ca", self.ca_file),
            ("--cert", self.certificate_file),
            ("--key", self.key_file),
        ):
            if file and os.path.exists(file) and not os.path.isfile(file):  # noqa: PTH110, PTH113 - what it is given may be no path at all
                raise DialError(f"{flag} {file} is no regular file: write the PEM into one")

    def context(self) -> ssl.SSLContext:
        """Return the same for OpenSSL. Raises DialError where files cannot be used."""
        made = self._trusting()
        made.set_alpn_protocols(["h2"])
        if self.certificate_file:
            try:
                made.load_cert_chain(self.certificate_file, self.key_file, password="")
            except ssl.SSLError as error:
                raise DialError(self._unfit(error)) from None
            except OSError as error:
                files = f"--cert {self.certificate_file} or --key {self.key_file}"
                raise DialError(f"cannot read {files}: {error.strerror}") from None
        return made

    def _trusting(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except ssl.SSLError:
            raise DialError(f"--ca {self.ca_file} holds no certificate (PEM)") from None
        except OSError as error:
            raise DialError(f"cannot read --ca {self.ca_file}: {error.strerror}") from None

    def _unfit(self, error: ssl.SSLError) -> str:
        """Return why the client's own pair cannot be used."""
        if error.reason == "KEY_VALUES_MISMATCH":
            return (
                f"the key in {self.key_file} is not that of the certificate in "
                f"{self.certificate_file}"
            )
        if b"ENCRYPTED" in Path(self.key_file).read_bytes():
            return f"the key in {self.key_file} is encrypted: decrypt it into a file of mode 0600"
        return (
            f"{self.certificate_file} and {self.key_file} are no certificate and its key (PEM, "
            "not encrypted)"
        )


def dial(address: str, trust: Trust | None) -> grpc.Channel:
    """Return a channel to *address*, with TLS where there is *trust*. Raises DialError."""
    if trust is None:
        return grpc.insecure_channel(address, OPTIONS)
    if path_of(address) is not None:
        raise DialError(f"the socket {address} speaks no TLS: leave the options of TLS out")
    credentials = grpc.ssl_channel_credentials(*trust.read())
    name = trust.server_name
    named = (("grpc.ssl_target_name_override", name),) if name else ()
    return grpc.secure_channel(address, credentials, (*OPTIONS, *named))


def why_not(address: str, trust: Trust | None, details: str) -> str:
    """Return why no connection to *address* came about; *details* is what gRPC says."""
    nobody = f"no daemon answers at {address}; start one with `engine serve`, or name another"
    host, _, port = address.rpartition(":")
    if path_of(address) is not None or not port.isdigit():
        return nobody
    try:
        raw = socket.create_connection((host.strip("[]"), int(port)), PATIENCE_SECONDS)
    except (OSError, OverflowError):
        return nobody
    with raw:
        found = plainly(address, raw) if trust is None else secured(address, raw, trust)
    return found or f"the daemon at {address} cannot be spoken with: {details}"


def plainly(address: str, raw: socket.socket) -> str:
    """Return what is wrong with a connection without TLS; empty where that cannot be seen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # Nothing is sent to it.
    context.set_alpn_protocols(["h2"])
    try:
        context.wrap_socket(raw).close()
    except ssl.SSLError as error:
        if "ALERT" not in (error.reason or ""):
            return ""
    except OSError:
        return ""
    return (
        f"the daemon at {address} speaks TLS: add --tls, and --ca FILE for an authority of your own"
    )


def secured(address: str, raw: socket.socket, trust: Trust) -> str:
    """Return what is wrong with a connection over TLS; empty where that cannot be seen."""
    name = trust.server_name or address.rpartition(":")[0].strip("[]")
    try:
        found = trust.context().wrap_socket(raw, server_hostname=name, suppress_ragged_eofs=False)
    except ssl.SSLCertVerificationError as error:
        return unproven(address, name, error)
    except ssl.SSLError as error:
        if error.reason in NO_TLS:
            return f"the daemon at {address} speaks no TLS: leave the options of TLS out"
        return unshaken(address, trust, error.reason or "")
    except OSError:
        return ended(address)
    with found:
        try:
            # What a daemon thinks of a client's certificate is seen after the handshake (TLS 1.3):
            # some say it, most hang up.
            found.recv(1)
        except ssl.SSLError as error:
            return unwelcome(address, trust, error.reason or "")
        except OSError:
            return unwelcome(address, trust, "")
    return ""


def unproven(address: str, name: str, error: ssl.SSLCertVerificationError) -> str:
    """Return why the certificate of the daemon is not believed."""
    whose = f"the certificate of the daemon at {address}"
    match error.verify_code:
        case code if code == EXPIRED:
            return f"{whose} has expired: it must be renewed there"
        case code if code == NOT_YET:
            return f"{whose} is not valid yet: look at the clocks of both machines"
        case code if code in {OTHER_NAME, OTHER_ADDRESS}:
            return f"{whose} is not for `{name}`: ask by its name, or give it with --server-name"
        case code if code in UNKNOWN_ISSUER:
            return f"{whose} is of an authority that is not trusted: name the right one with --ca"
        case _:
            return f"{whose} is not accepted: {error.verify_message}"


def unshaken(address: str, trust: Trust, reason: str) -> str:
    """Return what OpenSSL's *reason* for a handshake that failed means to people."""
    return unwelcome(address, trust, reason) if "ALERT" in reason else ended(address)


def unwelcome(address: str, trust: Trust, reason: str) -> str:
    """Return what a daemon that hangs up on a client may want; *reason* is OpenSSL's."""
    said = f": {reason.replace('_', ' ').lower()}" if "ALERT" in reason else ""
    if not trust.certificate_file:
        return f"the daemon at {address} wants to see a certificate{said}; give --cert and --key"
    shown = x509.load_pem_x509_certificate(Path(trust.certificate_file).read_bytes())
    if shown.not_valid_after_utc <= datetime.now(UTC):
        return f"the certificate in {trust.certificate_file} has expired: have it renewed"
    return (
        f"the daemon at {address} does not accept the certificate in {trust.certificate_file}"
        f"{said}; it must be of an authority that it trusts (`grpc.tls.client_ca_file`)"
    )


def ended(address: str) -> str:
    """Return what is said of who hangs up."""
    return f"who listens at {address} ended the handshake of TLS: is it a daemon with TLS?"
