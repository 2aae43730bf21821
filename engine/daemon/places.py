"""Settings in; the folders, files and addresses that they name out, or why they cannot be had.

Nothing here loads what decides, so that a supervisor can look before its workers do.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import engine
from engine.daemon.http import WatchServer
from engine.daemon.options import parse_address
from engine.daemon.settings import Settings
from engine.daemon.settings_audit import Record
from engine.language.diagnostics import Diagnostic
from engine.remedies import remedy_for

REVIEWS = "reviews.db"
"""In the data folder: what people must look at."""

EXIT_FINE = 0
EXIT_POLICIES = 1
EXIT_ERROR = 2
EXIT_BROKEN = 70
"""Of a daemon that ended by itself for an error in its code (EX_SOFTWARE of sysexits.h)."""

LEAST_FILES = 64
"""As many as must be allowed to be open: twice what a daemon has that nobody asks."""
NOT_COMPILED = "E808"
"""The code of what kept policies from being compiled and is not theirs."""


class StartError(Exception):
    """The daemon cannot start. The text is one sentence with the remedy."""


def open_many_files() -> None:
    """Let this process, and those it starts, have as many files and connections open as they may.

    Raises StartError where those are so few that what fails for want of them says anything else.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < LEAST_FILES:
        raise StartError(
            f"at most {most} files may be open, and the daemon needs {LEAST_FILES} before anybody "
            "asks: raise the limit (`ulimit -Hn`, `LimitNOFILE=` of a systemd unit)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tell_refusal(root: Path, refusal: str, diagnostics: Sequence[Diagnostic]) -> int:
    """Say why there are no policies from *root* to begin with; return the exit code."""
    outside = any(one.code == NOT_COMPILED for one in diagnostics)
    what = "could not be compiled" if outside else "do not check"
    print_error(f"{refusal}\nthe policies in {root} {what}, so the daemon does not start")
    return EXIT_ERROR if outside else EXIT_POLICIES


def make_data_folder(folder: Path) -> None:
    """Make *folder*, for its owner only, and see that it can be written; raise StartError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartError(
            f"cannot write to the data folder {folder}: {error.strerror}; "
            + remedy_for(error, "make it writable for this user")
            + ", choose another with --data, or keep nothing with --memory"
        ) from None


def record_path(settings: Settings, data: Path) -> Path | None:
    """Return where decisions are recorded, or None.

    A relative name is in the data folder. Without one nothing is recorded, unless that was asked
    for by name: then there is nowhere to keep it. Raises StartError.
    """
    file = Path(settings.record.file)
    if not settings.record.file:
        return None
    if settings.state == "memory" and not file.is_absolute():
        if file != Path(Record().file):
            raise StartError(
                f"decisions cannot be recorded in {file}: that is relative to the "
                "data folder, and there is none in memory; give a whole path, or none"
            )
        return None
    return data / file


def reviews_path(settings: Settings, data: Path) -> Path | None:
    """Return the file that reviews are kept in, or None."""
    if settings.reviews.store != "data" or settings.state == "memory":
        return None
    return data / REVIEWS


def keeps_reviews(settings: Settings) -> bool:
    """Return whether reviews are kept anywhere."""
    if settings.reviews.store == "data":
        return settings.state != "memory"
    return bool(settings.reviews.store)


def trail_folder(settings: Settings, data: Path) -> Path | None:
    """Return the folder of the audit trail, or None."""
    folder = Path(settings.audit.folder)
    if not settings.audit.folder or (settings.state == "memory" and not folder.is_absolute()):
        return None
    return data / folder


def state_folder(settings: Settings) -> Path | None:
    """Return the data folder if the state is in it, or None."""
    return Path(settings.data).absolute() if settings.state == "data" else None


def cache_folder(settings: Settings, data: Path) -> Path:
    """Return where compiled policies are kept."""
    return Path(settings.cache).absolute() if settings.cache else data / "cache"


def key_file(settings: Settings, data: Path) -> Path:
    """Return where the secret key is kept."""
    return Path(settings.secret_key_file or data / "secret.key").absolute()


def own_folders(data: Path, cache: Path) -> frozenset[Path]:
    """Return where the daemon itself writes: a change there is no change of policies."""
    return frozenset({data, data.resolve(), cache, cache.resolve()})


def grpc_addresses(settings: Settings) -> tuple[str, ...]:
    """Return where the gRPC door listens. Raises StartError when that is nowhere."""
    found = []
    if settings.grpc.listen:
        found.append(settings.grpc.listen)
    if settings.grpc.socket:
        found.append(f"unix://{Path(settings.grpc.socket).absolute()}")
    if not found:
        raise StartError("there is nowhere to listen; set `grpc.listen` or `grpc.socket`")
    return tuple(found)


async def show_pages(pages: WatchServer, settings: Settings) -> tuple[str, ...]:
    """Serve the pages; return the address of the metrics, or nothing. Raises StartError."""
    address = parse_address(settings.metrics.listen)
    if address is None:
        return ()
    try:
        taken = await pages.start(address)
    except OSError as error:
        raise StartError(
            f"cannot serve metrics on {address}: {error.strerror}; choose another address "
            'with `metrics.listen`, or "" for none'
        ) from None
    return (f"http://{taken}/metrics",)


def announce(addresses: Sequence[str], revision: str, policies: int, rules: int) -> None:
    """Print where which policies are served; whoever started the daemon waits for this line."""
    if revision:
        count = "1 policy" if policies == 1 else f"{policies} policies"
        ruled = "1 rule" if rules == 1 else f"{rules} rules"
        what = f"{count}, {ruled}, revision {revision}"
    else:
        what = "no policies yet (UNAVAILABLE until they check)"
    sys.stdout.write(f"engine {engine.__version__} serves {', '.join(addresses)}: {what}\n")
    sys.stdout.flush()


def print_error(text: str) -> None:
    """Write *text* for people to standard error."""
    sys.stderr.write(f"engine: {text}\n")
