"""Settings in; the certificate that the port shows out, or why it cannot be shown."""

from __future__ import annotations

from pathlib import Path

from engine.daemon.line import Shown
from engine.daemon.places import StartError
from engine.daemon.settings import Settings
from engine.doors.grpc.certificates import Certificates, TlsError, TlsFiles
from engine.doors.grpc.client_certificates import allowed_names, load_reader
from engine.doors.grpc.listener import Tls


def certificates_of(settings: Settings, before: Shown | None = None) -> Certificates | None:
    """Return the certificate of the port, or None where no TLS is set.

    *before* is what other workers show. Raises StartError where there is none either.
    """
    tls = settings.grpc.tls
    if not tls.certificate_file:
        return None
    roots = Path(tls.client_ca_file) if tls.client_ca_file else None
    if roots is not None:
        load_reader()
    try:
        names = allowed_names(tls.client_names)
        files = TlsFiles(Path(tls.certificate_file), Path(tls.key_file), roots, names)
        if before is None:
            return Certificates(files)
        held = Tls(before.certificate, before.key, before.client_roots, names)
        return Certificates(files, held)
    except TlsError as error:
        raise StartError(str(error)) from None
