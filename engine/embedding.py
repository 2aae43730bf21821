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
from engine.service.bundles import Recipe, load_folder
from engine.service.cache import Cache, NoCache, open_cache
from engine.service.gate import Gate
from engine.service.journal import Journal
from engine.service.keys import KEY_BYTES, derive_key
from engine.service.nets import Finder, FinderError, require_finder
from engine.service.usage import Usage
from engine.state.lmdb import LmdbStore

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Engine:
    """Policies that decide. Made by `load`; several threads may use one.

    A context manager: leaving it closes the engine.
    """

    def __init__(self, gate: Gate, folder: Path, recipe: Recipe, cache: Cache) -> None:
        """Take what `load` has prepared."""
        self._gate = gate
        self._folder = folder
        self._recipe = recipe
        self._cache = cache
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
        with self._lock:
            step = self._gate.begin(request)
        while not isinstance(step, Decision):
            step.wait()  # without the lock: other threads decide meanwhile
            with self._lock:
                step = self._gate.go_on(step)
        return step

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
        """Release the state and the record. Closing twice is fine."""
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
    - *secret* (32 bytes or more) keys hashes and tokens, alike in all processes; None makes one up.
    - *content_characters* is the most content of a request. With more, *on_content_too_large*
      holds: ``refuse`` (InvalidRequest), or ``deny`` or ``escalate`` without a look at it.
    - *long_characters*: more text is scanned in windows, and other threads decide meanwhile.
    - *remembered_bytes* is what the findings of texts seen before may take; 0 remembers nothing.
    - *scanner*: ``hyperscan`` (needs a *cache*), ``re2``, or ``auto`` for what is there.

    Classifiers are asked as the daemon asks them. Raises ValueError for what cannot be used, and
    PolicyError when the policies do not check; see `reload`.
    """
    key = secrets.token_bytes(KEY_BYTES) if secret is None else secret
    recipe = Recipe(key, content_characters, remembered_bytes, on_content_too_large, prepare=True)
    recipe = replace(recipe, long_characters=long_characters, finder=scanner)
    require_usable(recipe, cached=cache is not None)
    kept = NoCache() if cache is None else open_cache(Path(cache))
    policies = load_folder(Path(folder), recipe, kept)
    gate = make_gate(key, nanoseconds_of(clock), state, record)
    gate.swap(policies)
    return Engine(gate, Path(folder), recipe, kept)


def make_gate(
    key: bytes,
    clock: Callable[[], int],
    state: Store | str | Path | None,
    record: str | Path | None,
) -> Gate:
    """Return a gate without policies yet."""
    store = LmdbStore(state) if isinstance(state, str | Path) else state or MemoryStore()
    recorder = None if record is None else Journal(Path(record), "deny")
    classifiers = Hub(derive_key(key, "classifiers"))
    return Gate(store, recorder, secret=key, clock=clock, classifiers=classifiers)


def require_usable(recipe: Recipe, *, cached: bool) -> None:
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
