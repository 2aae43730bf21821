"""The wording of every diagnostic about policies, rules, actions and riders (E3xx)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalog import listed, shown, suggest
from engine.language.diagnostics import Diagnostic
from engine.language.text import Span
from engine.language.types import Type


def unknown_mode(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E301: no such mode."""
    hint = suggest(name, known) or f"the modes are {listed(known)}"
    return Diagnostic("E301", f"unknown mode `{name}`", at, help=hint)


def unknown_severity(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E302: no such severity."""
    hint = suggest(name, known) or f"the severities are {listed(known)}"
    return Diagnostic("E302", f"unknown severity `{name}`", at, help=hint)


def unknown_strategy(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E303: no such way to redact."""
    hint = suggest(name, known) or f"the strategies are {listed(known)}"
    return Diagnostic("E303", f"unknown strategy `{name}`", at, help=hint)


def strategy_takes_nothing(name: str, at: Span) -> Diagnostic:
    """E304: arguments for a strategy that has none."""
    return Diagnostic("E304", f"`{name}` takes no arguments", at)


def mask_arguments(most: int, at: Span) -> Diagnostic:
    """E305: arguments that ``mask`` does not understand."""
    return Diagnostic(
        "E305",
        f"`mask` takes one character and how many to keep at the end, 0 to {most}",
        at,
        help='such as `mask("*", 4)`',
    )


def unknown_redact_path(path: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E306: no such text to redact."""
    hint = suggest(path, known) or f"what can be redacted is {listed(sorted(known))}"
    return Diagnostic("E306", f"there is no text `{path}` to redact", at, help=hint)


def bad_redact_path(path: str, found: Type, at: Span) -> Diagnostic:
    """E307: an attribute that is no text."""
    return Diagnostic(
        "E307",
        f"`{path}` is {shown(found)}, only text can be redacted",
        at,
        help="declare the attribute as `text`, or redact `content` or `tool.args`",
    )


def limit_range(at: Span) -> Diagnostic:
    """E308: a limit of nothing."""
    return Diagnostic(
        "E308", "a limit must be above zero", at, help="use `deny` to let nothing pass"
    )


def whole_requests(at: Span) -> Diagnostic:
    """E309: half a request."""
    return Diagnostic("E309", "requests are counted in whole numbers", at)


def concurrent_period(at: Span) -> Diagnostic:
    """E319: a period of a limit of what runs at the same time."""
    return Diagnostic(
        "E319",
        "`concurrent` has no period: it limits what runs at the same time",
        at,
        help="leave out `per`; `for 10m` at the end says how long a request may count at most",
    )


def concurrent_burst(at: Span) -> Diagnostic:
    """E320: a burst of a limit of what runs at the same time."""
    return Diagnostic(
        "E320", "`concurrent` has no burst", at, help="the limit is what may run at the same time"
    )


def held_too_long(most: str, at: Span) -> Diagnostic:
    """E321: a request that counts as running for too long without having been settled."""
    return Diagnostic("E321", f"a request counts as running for `{most}` at most", at)


def held_without_slots(unit: str, at: Span) -> Diagnostic:
    """E322: ``for`` on a throttle that counts over time."""
    return Diagnostic(
        "E322",
        f"`for` does not go with `{unit}`",
        at,
        help="it says how long one of `concurrent` requests counts; `per 1m` is the period",
    )


def no_period(unit: str, at: Span) -> Diagnostic:
    """E323: a limit that does not say over what time."""
    return Diagnostic(
        "E323",
        f"this does not say over what time `{unit}` are counted",
        at,
        help="write `per 1m` or `per calendar day` before `by`; only `concurrent` has no period",
    )


def reviewers_range(most: int, at: Span) -> Diagnostic:
    """E328: a review that nobody, or a crowd, must approve."""
    return Diagnostic(
        "E328",
        f"a review is approved by 1 to {most} reviewers",
        at,
        help="leave out `by … reviewers` where one is enough",
    )


def limit_too_large(most: int, at: Span) -> Diagnostic:
    """E327: a limit or burst beyond what is counted."""
    return Diagnostic(
        "E327",
        "this is more than can be counted",
        at,
        help=f"the largest limit is {most:_}; without a limit nothing needs a rule",
    )


def unknown_stage(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E324: no such stage for a label to take words from."""
    hint = suggest(name, known) or f"the stages are {listed(known)}"
    return Diagnostic("E324", f"unknown stage `{name}`", at, help=hint)


def state_failure_of_nothing(at: Span) -> Diagnostic:
    """E326: ``on_state_failure`` on a rule that does not throttle."""
    return Diagnostic(
        "E326",
        "only a throttle has `on_state_failure`",
        at,
        help="for a condition that cannot be known write `on_failure`",
    )


def burst_range(at: Span) -> Diagnostic:
    """E310: a burst of less than one."""
    return Diagnostic("E310", "a burst must be at least 1", at)


def burst_of_budget(at: Span) -> Diagnostic:
    """E311: a burst of a calendar budget."""
    return Diagnostic(
        "E311",
        "a calendar budget has no burst",
        at,
        help="only `per 1m` and its like refill steadily",
    )


def unknown_unit(name: str, meant: str | None, known: Iterable[str], at: Span) -> Diagnostic:
    """E312: nothing that a throttle can count."""
    hint = f"did you mean `{meant}`?" if meant else suggest(name, known)
    return Diagnostic(
        "E312",
        f"unknown unit `{name}`",
        at,
        help=hint or "count `requests`, `tokens`, `usd` or a numeric attribute",
    )


def unit_not_numeric(name: str, found: Type, at: Span) -> Diagnostic:
    """E313: an attribute that is no number."""
    return Diagnostic("E313", f"`{name}` is {shown(found)}, a throttle counts numbers", at)


def unknown_calendar(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E314: no such calendar period."""
    hint = suggest(name, known) or f"the periods are {listed(known)}"
    return Diagnostic("E314", f"unknown calendar period `{name}`", at, help=hint)


def bad_key(name: str, found: Type, at: Span) -> Diagnostic:
    """E315: an attribute that cannot tell buckets apart."""
    return Diagnostic(
        "E315",
        f"`{name}` is {shown(found)} and cannot be a key",
        at,
        help="a key is a string, an int, a bool, an ip address or one of a few words",
    )


def absent_key(name: str, at: Span, *, guardable: bool) -> Diagnostic:
    """E316: a key (or unit) that may be absent."""
    hint = f"add `when {name} is present`" if guardable else "use an attribute that is never absent"
    return Diagnostic("E316", f"`{name}` may be absent here", at, help=hint)


def duration_expected(what: str, at: Span) -> Diagnostic:
    """E317: no duration, or one of nothing."""
    return Diagnostic("E317", f"the {what} needs a duration above zero", at, help="such as `15m`")


def empty_text(what: str, at: Span) -> Diagnostic:
    """E318: quotes with nothing in them."""
    return Diagnostic("E318", f"{what} must not be empty", at)
