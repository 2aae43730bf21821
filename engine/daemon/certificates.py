"""Settings in; the certificate that the port shows out, or why it cannot be shown."""

from __future__ import annotations

from pathlib import Path

from engine.daemon.places import StartError
from engine.daemon.settings import Settings
from engine.doors.grpc.certificates import Certificates, TlsError, TlsFiles
from engine.doors.grpc.client_certificates import allowed_names, load_reader


def certificates_of(settings: Settings) -> Certificates | None:
    """Return the certificate of the port, or None where no TLS is set. Raises StartError."""
    tls = settings.grpc.tls
    if not tls.certificate_file:
        return None
    roots = Path(tls.client_ca_file) if tls.client_ca_file else None
    if roots is not None:
        load_reader()
    try:
        names = allowed_names(tls.client_names)
        files = TlsFiles(Path(tls.certificate_file), Path(tls.key_file), roots, names)
        return Certificates(files)
    except TlsError as error:
        raise StartError(str(error)) from None
