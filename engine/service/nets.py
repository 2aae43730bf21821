"""What policies ask of detectors in, a scanner for it out, and its net into the cache or out of it.

A net (see `engine.content.net`) takes some tenths of a second to make. So it is made once, by the
process that compiles or by a daemon that starts, and kept in the cache by a digest of what it
holds: the patterns of those entities that the policies ask for. Without one RE2 does it all.
"""

from __future__ import annotations

from engine.content.detectors import CustomEntity
from engine.content.hyper import VERSION, DatabaseError
from engine.content.net import Net, pack_net
from engine.content.net_packed import Wanted
from engine.content.scan import Scanner, build_scanner
from engine.service.cache import Cache
from engine.service.compiler import Finder
from engine.service.stored import Bundle


class FinderError(Exception):
    """What is to find cannot; the text says why and the remedy."""


def require_finder(finder: Finder) -> None:
    """Raise FinderError if *finder* is not on this machine."""
    if finder == "hyperscan" and not VERSION:
        raise FinderError(
            '`scanner` is "hyperscan", which cannot be imported here: install it, or set `scanner` '
            'to "auto" or "re2", which find the same'
        )


def scanner_of(bundle: Bundle) -> Scanner:
    """Return the scanner for the entities that exist in *bundle*."""
    return build_scanner(custom_of(bundle), bundle.lists)


def custom_of(bundle: Bundle) -> list[CustomEntity]:
    """Return the entities that *bundle* declares."""
    return [
        CustomEntity(one.name, one.patterns, one.terms, one.checks, one.near)
        for one in bundle.program.entities.values()
    ]


def asked_of(bundle: Bundle) -> frozenset[str]:
    """Return the entities that the policies of *bundle* look for."""
    return frozenset().union(*bundle.shape.asked)


def keep_net(bundle: Bundle, cache: Cache) -> None:
    """Put the net of *bundle* into the cache, unless it is there or cannot be made here."""
    needed = scanner_of(bundle).wanted(asked_of(bundle))
    if VERSION and needed.size and cache.lend(needed.digest()) is None:
        cache.put(needed.digest(), pack_net(needed))


def find_or_make_net(needed: Wanted, cache: Cache) -> Net | None:
    """Return the net of *needed* from the cache, where it is kept if it was not; None without."""
    found = find_net(needed, cache)
    if found is None and VERSION and needed.size:
        cache.put(needed.digest(), pack_net(needed))
        found = find_net(needed, cache)
    return found


def find_net(needed: Wanted, cache: Cache) -> Net | None:
    """Return the net of *needed* from the cache, or None."""
    held = cache.lend(needed.digest()) if VERSION and needed.size else None
    try:
        return None if held is None else Net(held)
    except DatabaseError:  # of a machine of another kind, which shares the folder
        return None
