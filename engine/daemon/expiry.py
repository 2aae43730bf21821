"""Files of certificates in, when each ends out: as a metric, and in the log before that day comes.

One process of a daemon looks, for all: the files are the same. What the files hold is what the next
handshake shows, since renewed ones are taken within seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.daemon.logs import Log
from engine.daemon.settings import Settings
from engine.daemon.settings_sinks import Secured
from engine.service.plain import read_plain

METRIC = "engine_tls_certificate_expiry_timestamp_seconds"
DAY = 86_400.0
WARNED_DAYS = (14, 1, 0)
"""So many days before the end it is said; 0: when it is over."""
PART = 3
"""And not before so small a part of its life is left: one that lives for hours is renewed then."""
LOOK_SECONDS = 60.0
X509 = "cryptography.x509"

Stamp = tuple[int, int, int]
Life = tuple[float, float]
"""When a certificate ends, and how long it lives, in s."""


def certificate_files(settings: Settings) -> dict[str, str]:
    """Return the path of every certificate, or authority, that *settings* name, and its setting."""
    tls, reviews, valkey = settings.grpc.tls, settings.reviews, settings.valkey
    named = [
        ("grpc.tls.certificate_file", tls.certificate_file),
        ("grpc.tls.client_ca_file", tls.client_ca_file),
        ("reviews.ca_file", reviews.ca_file),
        ("reviews.certificate_file", reviews.certificate_file),
        ("valkey.ca_file", valkey.ca_file),
        ("valkey.certificate_file", valkey.certificate_file),
    ]
    for sink in settings.audit.sinks:
        if isinstance(sink, Secured):
            place = f"audit.sinks `{sink.name}`"
            named += [(place, sink.ca_file), (place, sink.certificate_file)]
    found: dict[str, str] = {}
    for setting, path in named:
        if path:
            found.setdefault(path, setting)
    return found


class Expiry(Collector):
    """When the certificates in *files* end. The collector may be asked by any thread."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """*files* gives the setting of each path."""
        self._files = files
        self._seen: dict[str, tuple[Stamp, Life | None]] = {}
        self._warned: dict[str, tuple[float, int]] = {}
        """What was said last of a file: its end, and how many days before."""

    def lives(self) -> dict[str, Life]:
        """Return of each file the life of the certificate that ends first.

        What cannot be read is left out: whoever needs the file says so.
        """
        found: dict[str, Life] = {}
        for path in self._files:
            with suppress(OSError):
                about = Path(path).stat()
                stamp = (about.st_ino, about.st_mtime_ns, about.st_size)
                known = self._seen.get(path)
                if known is None or known[0] != stamp:
                    known = self._seen[path] = (stamp, first_life(read_plain(Path(path))))
                if known[1] is not None:
                    found[path] = known[1]
        return found

    def collect(self) -> Iterator[Metric]:
        """Yield the ends."""
        if self._files:
            family = GaugeMetricFamily(
                METRIC, "When the first certificate in the file ends.", labels=("file",)
            )
            for path, (end, _) in self.lives().items():
                family.add_metric((path,), end)
            yield family

    def warn(self, log: Log, now: float) -> None:
        """Say, once for each of the days, which certificates end soon, or have ended."""
        for path, (end, life) in self.lives().items():
            left, part = (end - now) / DAY, life / PART / DAY
            days = min((one for one in WARNED_DAYS if left <= min(one, part)), default=None)
            if days is None or self._warned.get(path) == (end, days):
                continue
            self._warned[path] = (end, days)
            told = {"file": path, "setting": self._files[path], "ends": moment(end)}
            if days == 0:
                log.error("a certificate has expired: renew it", **told)
            else:
                log.warning("a certificate ends soon: renew it", days=round(left, 1), **told)

    async def watch(self, log: Log) -> None:
        """Warn now and from time to time. For ever, where there are files."""
        while self._files:
            self.warn(log, time.time())
            await asyncio.sleep(LOOK_SECONDS)


def first_life(pem: bytes) -> Life | None:
    """Return the life of the certificate in *pem* that ends first; None where there is none."""
    # It takes its time to load, and most daemons have no certificate.
    load = import_module(X509).load_pem_x509_certificates
    try:
        found = load(pem)
    except ValueError:
        return None
    return min(
        (
            one.not_valid_after_utc.timestamp(),
            (one.not_valid_after_utc - one.not_valid_before_utc).total_seconds(),
        )
        for one in found
    )


def moment(seconds: float) -> str:
    """Return a time in UTC, for people."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
