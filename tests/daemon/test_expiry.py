"""Certificates that end soon: the metric, what the log says and how often, and renewed ones."""

from __future__ import annotations

import os
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest

from engine.daemon.config import load_settings
from engine.daemon.expiry import DAY, METRIC, Expiry, certificate_files
from engine.daemon.settings import Settings
from tests.daemon.running import daemon
from tests.doors.grpc.authority import Authority
from tests.ports import free_port
from tests.service.bundle import write_folder

AUTHORITY = Authority()


class Said:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    error = warning


def said(expiry: Expiry, now: float) -> list[str]:
    """Return what is said of certificates at *now*."""
    log = Said()
    expiry.warn(log, now)  # type: ignore[arg-type]
    return [event for event, _ in log.lines]


def test_it_is_said_two_weeks_and_a_day_before_and_when_it_is_over_once_each(
    tmp_path: Path,
) -> None:
    files = AUTHORITY.issue(days=60).write(tmp_path)
    expiry = Expiry({str(files.certificate): "grpc.tls.certificate_file"})
    now = time.time()
    soon, over = "a certificate ends soon: renew it", "a certificate has expired: renew it"
    assert said(expiry, now) == []
    assert [said(expiry, now + days * DAY) for days in (45.9, 46.1, 50, 58.9)] == [
        [],
        [soon],
        [],
        [],
    ]
    assert [said(expiry, now + days * DAY) for days in (59.1, 59.9, 60.1, 70)] == [
        [soon],
        [],
        [over],
        [],
    ]


def test_what_is_said_names_the_file_its_setting_and_the_day(tmp_path: Path) -> None:
    files = AUTHORITY.issue(days=3).write(tmp_path)
    log = Said()
    Expiry({str(files.certificate): "grpc.tls.certificate_file"}).warn(log, time.time())  # type: ignore[arg-type]
    ((_, fields),) = log.lines
    assert fields["file"] == str(files.certificate)
    assert fields["setting"] == "grpc.tls.certificate_file"
    assert fields["days"] == pytest.approx(3, abs=0.2)
    ends = datetime.fromisoformat(str(fields["ends"])).timestamp()
    assert ends == pytest.approx(time.time() + 3 * DAY, abs=60)


def test_a_renewed_certificate_is_seen_and_said_of_anew(tmp_path: Path) -> None:
    files = AUTHORITY.issue(days=3).write(tmp_path)
    path = str(files.certificate)
    expiry = Expiry({path: "x"})
    before = expiry.lives()[path][0]
    assert len(said(expiry, time.time())) == 1
    files.certificate.write_bytes(AUTHORITY.issue(days=100).certificate)
    assert expiry.lives()[path][0] == pytest.approx(before + 97 * DAY, abs=60)
    assert said(expiry, time.time()) == []
    files.certificate.write_bytes(AUTHORITY.issue(days=4).certificate)
    assert len(said(expiry, time.time())) == 1


def test_of_a_certificate_that_lives_for_days_nothing_is_said_before_its_last_third(
    tmp_path: Path,
) -> None:
    files = AUTHORITY.issue(days=3).write(tmp_path)  # Of twelve.
    expiry = Expiry({str(files.certificate): "x"})
    assert [len(said(expiry, time.time() + days * DAY)) for days in (-2, -1.1, -0.9)] == [0, 0, 1]


def test_nobody_waits_for_a_pipe_in_the_place_of_a_certificate(tmp_path: Path) -> None:
    path = tmp_path / "tls.crt"
    os.mkfifo(path)
    assert Expiry({str(path): "x"}).lives() == {}


def test_of_several_certificates_the_first_to_end_counts(tmp_path: Path) -> None:
    chain = tmp_path / "chain"
    chain.write_bytes(AUTHORITY.issue(days=50).certificate + AUTHORITY.issue(days=5).certificate)
    end = Expiry({str(chain): "x"}).lives()[str(chain)][0]
    assert end == pytest.approx(time.time() + 5 * DAY, abs=60)


def test_what_cannot_be_read_has_no_end(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_text("no certificate")
    expiry = Expiry({str(odd): "x", str(tmp_path / "none"): "y"})
    assert expiry.lives() == {}
    assert said(expiry, 0) == []
    (family,) = expiry.collect()
    assert family.samples == []
    assert list(Expiry({}).collect()) == []


def test_all_certificates_that_the_settings_name_are_looked_at() -> None:
    sinks = '[{"name": "siem", "kind": "http", "url": "https://x/", "ca_file": "sink.crt"}]'
    flags = {
        "grpc.tls.certificate_file": "tls.crt",
        "grpc.tls.key_file": "tls.key",
        "grpc.tls.client_ca_file": "ca.crt",
        "reviews.ca_file": "ca.crt",
        "valkey.certificate_file": "mine.crt",
        "audit.sinks": sinks,
    }
    assert certificate_files(load_settings(None, {}, flags)) == {
        "tls.crt": "grpc.tls.certificate_file",
        "ca.crt": "grpc.tls.client_ca_file",
        "mine.crt": "valkey.certificate_file",
        "sink.crt": "audit.sinks `siem`",
    }
    assert certificate_files(Settings()) == {}


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_daemon_shows_when_its_certificate_ends_and_warns_once(
    tmp_path: Path, workers: str
) -> None:
    write_folder(tmp_path / "policies", {"door.pol": "policy door { default allow }"})
    AUTHORITY.issue(days=4).write(tmp_path)
    page = f"127.0.0.1:{free_port()}"
    given = (
        "grpc.listen=127.0.0.1:0",
        f"metrics.listen={page}",
        "grpc.tls.certificate_file=tls.crt",
        "grpc.tls.key_file=tls.key",
        f"workers={workers}",
    )
    with daemon(tmp_path, *(part for one in given for part in ("--set", one))) as running:
        text = urllib.request.urlopen(f"http://{page}/metrics", timeout=60).read().decode()
        (line,) = (one for one in text.splitlines() if one.startswith(METRIC))
        assert line.startswith(f'{METRIC}{{file="tls.crt"}} ')
        assert float(line.split()[-1]) == pytest.approx(time.time() + 4 * DAY, abs=60)
        assert running.stop() == 0
        assert running.log().count("a certificate ends soon") == 1
