"""What went wrong in, the ``deny`` that says so out: never what was in the request."""

from __future__ import annotations

from pathlib import PurePath

from engine.runtime.decision import Decision, Reason

FAILED = "the decision could not be made or recorded"


def denied(revision: str, request_id: str, decision_id: str, why: str) -> Decision:
    """Return the ``deny`` for a decision that could not be made or kept."""
    reason = Reason(policy="", action="deny", message=FAILED, failure=why)
    return Decision(
        action="deny",
        effective_action="deny",
        reasons=(reason,),
        revision=revision,
        request_id=request_id,
        decision_id=decision_id,
        reserved=True,  # It may have failed after something was taken.
    )


def describe(problem: Exception) -> str:
    """Return the kind of *problem* and where it arose; its text might quote the request."""
    at = problem.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    kind = type(problem).__name__
    if at is None:
        return kind
    return f"{kind} at {PurePath(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"
