"""A policy folder in, an `Engine` that decides in this process out: the embedding API.

>>> import engine, pathlib, tempfile
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> _ = (folder / "chat.pol").write_text('''
... policy chat {
...   default allow
...   rule no_cards { when content has pii.card then deny "card numbers stay out of the chat" }
... }
... ''')
>>> pol = engine.load(folder)
>>> decision = pol.decide({
...     "tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request",
...     "content": "my card is 4111 1111 1111 1111",
... })
>>> decision.action, decision.reasons[0].message
('deny', 'card numbers stay out of the chat')
>>> pol.close()
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from engine.classifiers.hub import Hub
from engine.content.remembered import MEMORY_BYTES
from engine.content.windows import LONG
from engine.runtime.decision import Decision
from engine.runtime.explain import Explanation
from engine.runtime.memory import MemoryStore
from engine.runtime.request import CONTENT_LIMIT, OnTooLarge, Request
from engine.runtime.store import Store
from engine.service.asking import Undecided
from engine.service.audit import KEY, Audit
from engine.service.bundles import Recipe, load_folder
from engine.service.cache import Cache, NoCache, open_cache
from engine.service.compiler import Finder
from engine.service.gate import Gate
from engine.service.journal import Journal
from engine.service.keys import KEY_BYTES, derive_key
from engine.service.nets import FinderError, require_finder
from engine.service.record import Both, Recorder
from engine.service.signing import Signing
from engine.service.times import iso_time
from engine.service.usage import Usage
from engine.state.lmdb import LmdbStore
from engine.storage.durability import Durability, Way

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NAME = "engine"
"""Of who signs the trail."""


class Engine:
    """Policies that decide. Made by `load`; several threads may use one.

    A context manager: leaving it closes the engine.
    """

    def __init__(
        self, gate: Gate, folder: Path, recipe: Recipe, cache: Cache, signing: Signing | None
    ) -> None:
        """Take what `load` has prepared."""
        self._gate = gate
        self._folder = folder
        self._recipe = recipe
        self._cache = cache
        self._signing = signing
        self._lock = threading.Lock()

    @property
    def revision(self) -> str:
        """The digest of the policies that decide."""
        return self._gate.status().revision

    def decide(self, request: Request | Mapping[str, object]) -> Decision:
        """Return the decision on *request*, and take, label and count what the policies say.

        Raises InvalidRequest, whose ``problems`` name every wrong path, when the request does not
        fit the schema; then nothing was decided or taken. Where a classifier's answer matters it
        blocks until the model server has answered or is late, and where there is much text until
        that was scanned; other threads decide meanwhile.

            >>> decision = pol.decide({
            ...     "tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "response",
            ...     "content": "write to ann@example.com",
            ... })
            >>> decision.action, decision.content
            ('redact', 'write to [EMAIL]')
            >>> sorted(decision.to_dict())[:3]
            ['action', 'advice', 'arguments']
        """
        # What waits does so without the lock: other threads decide meanwhile, and what they record
        # goes to the disk together.
        with self._lock:
            step = self._gate.begin(request)
            waits = self._waits(step)
        while not isinstance(step, Decision):
            step.wait()
            with self._lock:
                step = self._gate.go_on(step)
                waits = self._waits(step)
        return step if waits is None else self._gate.keeper.made_sure(step, waits)

    def _waits(self, step: Decision | Undecided) -> Callable[[], None] | None:
        """Return what waits until the record of a decision is as safe as was chosen."""
        return self._gate.keeper.recorder.waits() if isinstance(step, Decision) else None

    def explain(self, request: Request | Mapping[str, object]) -> Explanation:
        """Return why *request* would be decided as it would; nothing is taken or recorded.

        >>> explanation = pol.explain({
        ...     "tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request",
        ...     "content": "hello",
        ... })
        >>> explanation.decision.action
        'allow'
        """
        with self._lock:
            step = self._gate.begin_explain(request)
        while not isinstance(step, Explanation):
            step.wait()
            with self._lock:
                step = self._gate.go_on_explaining(step)
        return step

    def settle(
        self,
        decision_id: str,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost_usd: Decimal | None = None,
    ) -> bool:
        """Correct what a decision took on an estimate to what the call really took.

        What is None keeps its estimate. Returns whether anything changed: False when the decision
        is unknown, took nothing that can be settled, or was settled already.

            >>> pol.settle("unknown", output_tokens=120)
            False
        """
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)
        with self._lock:
            return self._gate.settle(decision_id, usage)

    def reload(self) -> None:
        """Read the folder again; raise PolicyError and go on as before when it does not check.

        Its ``diagnostics`` are every problem, its text is the list of them for people.

            >>> (folder / "broken.pol").write_text("policy broken { default perhaps }") > 0
            True
            >>> try:
            ...     pol.reload()
            ... except engine.PolicyError as error:
            ...     error.diagnostics[0].span.path
            'broken.pol'
        """
        policies = load_folder(self._folder, self._recipe, self._cache)
        with self._lock:
            self._gate.swap(policies)

    def close(self) -> None:
        """Release the state and the record, and sign the trail. Closing twice is fine."""
        if self._signing is not None:
            self._signing.close()
        with self._lock:
            self._gate.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def load(  # noqa: PLR0913  every setting by its name
    folder: str | Path,
    *,
    clock: Callable[[], datetime] | None = None,
    state: Store | str | Path | None = None,
    cache: str | Path | None = None,
    record: str | Path | None = None,
    audit: str | Path | None = None,
    durability: Durability = "written",
    secret: bytes | None = None,
    content_characters: int = CONTENT_LIMIT,
    on_content_too_large: OnTooLarge = "refuse",
    long_characters: int = LONG,
    remembered_bytes: int = MEMORY_BYTES,
    scanner: Finder = "auto",
) -> Engine:
    """Return an engine that decides by the policies in *folder*.

    - *clock* gives the time (aware); None is the system's clock.
    - *state* keeps limits, meters, labels and tokens: a folder, a store of your own, or None for
      this process's memory.
    - *cache* is a folder for compiled policies, for a faster start. What is in it is run as code.
    - *record* is a file to which every decision is appended as a line of JSON, without content.
    - *audit* is a folder for a signed trail of every decision, as the daemon keeps it: what cannot
      be recorded is denied. The key is made beside it (``audit.key``); `engine audit` reads it.
    - *durability*: a decision is given when its record survives the process (``written``), the
      machine (``synced``), or neither for an instant (``spool``).
    - *secret* (32 bytes or more) keys hashes and tokens, alike in all processes; None makes one up.
    - *content_characters* is the most content of a request. With more, *on_content_too_large*
      holds: ``refuse`` (InvalidRequest), or ``deny`` or ``escalate`` without a look at it.
    - *long_characters*: more text is scanned in windows, while other threads decide.
    - *remembered_bytes* is what findings of texts seen before may take; 0 remembers nothing.
    - *scanner*: ``hyperscan`` (needs a *cache*), ``re2``, or ``auto`` for what is there.

    Raises ValueError for what cannot be used, PolicyError where policies do not check (`reload`).
    """
    key = secrets.token_bytes(KEY_BYTES) if secret is None else secret
    recipe = Recipe(key, content_characters, remembered_bytes, on_content_too_large, prepare=True)
    recipe = replace(recipe, long_characters=long_characters, finder=scanner)
    require_usable(recipe, durability, cached=cache is not None)
    kept = NoCache() if cache is None else open_cache(Path(cache))
    policies = load_folder(Path(folder), recipe, kept)
    now = nanoseconds_of(clock)
    with ExitStack() as opened:
        trail = open_trail(audit, Way(durability=durability), now, opened)
        gate = make_gate(key, now, state, recorder_of(record, trail))
        gate.swap(policies)
        opened.pop_all()  # The gate closes its recorder.
        signing = None if trail is None else Signing(trail.tend)
    return Engine(gate, Path(folder), recipe, kept, signing)


def make_gate(
    key: bytes,
    clock: Callable[[], int],
    state: Store | str | Path | None,
    recorder: Recorder | None,
) -> Gate:
    """Return a gate without policies yet."""
    store = LmdbStore(state) if isinstance(state, str | Path) else state or MemoryStore()
    classifiers = Hub(derive_key(key, "classifiers"))
    return Gate(store, recorder, secret=key, clock=clock, classifiers=classifiers)


def open_trail(
    audit: str | Path | None, way: Way, clock: Callable[[], int], opened: ExitStack
) -> Audit | None:
    """Return the trail in the folder *audit*, which *opened* closes; None for none.

    Those that processes which are gone have left are closed. Raises RecordError.
    """
    if audit is None:
        return None
    folder = Path(audit)
    trail = Audit(folder, folder.parent / KEY, way, name=NAME, time=lambda: iso_time(clock()))
    opened.callback(trail.close)
    trail.recover()
    return trail


def recorder_of(record: str | Path | None, trail: Audit | None) -> Recorder | None:
    """Return what keeps records in a file, in a trail, or in both; None for neither."""
    if record is None:
        return trail
    journal = Journal(Path(record), "deny")
    return journal if trail is None else Both(trail, journal)


def require_usable(recipe: Recipe, durability: str, *, cached: bool) -> None:
    """Raise ValueError for what `load` was given and cannot use."""
    if len(recipe.secret) < KEY_BYTES:
        size = len(recipe.secret)
        raise ValueError(f"the secret has {size} bytes, and {KEY_BYTES} are the least")
    for name in ("content_characters", "long_characters"):
        if getattr(recipe, name) < 1:
            raise ValueError(f"`{name}` must be at least 1")
    if recipe.remembered_bytes < 0:
        raise ValueError("`remembered_bytes` must be at least 0")
    words = {
        "on_content_too_large": (recipe.on_content_too_large, get_args(OnTooLarge)),
        "scanner": (recipe.finder, get_args(Finder)),
        "durability": (durability, get_args(Durability)),
    }
    for name, (word, known) in words.items():
        if word not in known:
            raise ValueError(f"`{name}` must be one of {', '.join(known)}")
    if recipe.finder == "hyperscan" and not cached:
        raise ValueError('`scanner` is "hyperscan", which needs a `cache` to keep its database in')
    try:
        require_finder(recipe.finder)
    except FinderError as error:
        raise ValueError(str(error)) from None


def nanoseconds_of(clock: Callable[[], datetime] | None) -> Callable[[], int]:
    """Return *clock* as the gate wants it: ns since the Unix epoch."""
    if clock is None:
        return time.time_ns
    return lambda: (clock() - EPOCH) // MICROSECOND * 1_000
