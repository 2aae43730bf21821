"""A real PostgreSQL server that speaks TLS: who is trusted, and what is said of who is not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.storage.reviews import ReviewsUnavailable
from engine.storage.reviews_postgres import PostgresReviews
from engine.storage.reviews_postgres_address import Tls, read_url
from tests.doors.grpc.authority import Authority, write_key
from tests.storage import postgres

pytestmark = [
    pytest.mark.skipif(postgres.programs() is None, reason=postgres.MISSING),
    pytest.mark.slow,
]
AUTHORITY = Authority()
SECONDS = 60.0


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the authority, another one, and a client's pair."""
    folder = tmp_path_factory.mktemp("tls")
    folder.joinpath("ca.crt").write_bytes(AUTHORITY.root)
    folder.joinpath("other.crt").write_bytes(Authority("somebody else").root)
    mine = AUTHORITY.issue("reviewer")
    folder.joinpath("me.crt").write_bytes(mine.certificate)
    write_key(folder / "me.key", mine.key)
    return folder


class Secured(postgres.Server):
    """A server with a certificate for *name*; it believes clients of the authority."""

    def __init__(self, name: str) -> None:
        self._issued = AUTHORITY.issue(name)
        super().__init__()

    def start(self) -> None:
        """Start it with TLS."""
        crt, key, root = (self.data / one for one in ("tls.crt", "tls.key", "root.crt"))
        crt.write_bytes(self._issued.certificate)
        write_key(key, self._issued.key)
        root.write_bytes(AUTHORITY.root)
        postgres.give(crt, key, root)
        self.settings = (
            "ssl=on",
            f"ssl_cert_file={crt}",
            f"ssl_key_file={key}",
            f"ssl_ca_file={root}",
        )
        super().start()


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    made = Secured("localhost")
    yield made
    made.stop()


def url_of(server: postgres.Server, host: str) -> str:
    return server.schema().replace("127.0.0.1", host)


def opened(url: str, tls: Tls) -> str:
    """Return nothing when the reviews can be used, or why they cannot."""
    store = PostgresReviews(read_url(url, tls), b"k" * 32, SECONDS)
    try:
        store.prepare()
    except ReviewsUnavailable as error:
        return str(error)
    else:
        assert store.counts(time.time_ns()) == ()
        return ""
    finally:
        store.close()


def test_a_server_of_the_authority_with_the_right_name_is_used(
    server: postgres.Server, files: Path
) -> None:
    url = url_of(server, "localhost")
    assert opened(url, Tls(str(files / "ca.crt"))) == ""
    own = Tls(str(files / "ca.crt"), str(files / "me.crt"), str(files / "me.key"))
    assert opened(url, own) == ""


def test_a_server_of_another_authority_is_not(server: postgres.Server, files: Path) -> None:
    why = opened(url_of(server, "localhost"), Tls(str(files / "other.crt")))
    assert "cannot be reached: " in why
    assert "certificate verify failed" in why
    assert "s3cret" not in why


def test_a_server_with_another_name_is_not_unless_that_is_allowed(files: Path) -> None:
    made = Secured("db.example")
    try:
        url = url_of(made, "localhost")
        why = opened(url, Tls(str(files / "ca.crt")))
        assert 'certificate for "db.example"' in why
        assert 'does not match host name "localhost"' in why
        assert opened(f"{url}&sslmode=verify-ca", Tls(str(files / "ca.crt"))) == ""
    finally:
        made.stop()


def test_a_server_without_tls_is_not_used_where_it_must_prove_its_name(files: Path) -> None:
    url = url_of(postgres.shared(), "localhost")
    why = opened(url, Tls(str(files / "ca.crt")))
    assert "server does not support SSL, but SSL was required" in why


def test_a_key_that_is_open_to_others_is_told(
    server: postgres.Server, files: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    shutil.copy(files / "me.key", key)
    key.chmod(0o644)
    why = opened(
        url_of(server, "localhost"), Tls(str(files / "ca.crt"), str(files / "me.crt"), str(key))
    )
    assert "has group or world access" in why
