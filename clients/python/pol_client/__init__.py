"""Ask a policy engine daemon whether a prompt, response, tool call or document may pass.

Client for threads, AsyncClient for asyncio; both are lazy to connect and reconnect by themselves.
"""

from pol_client import _sources as _sources  # Before all that may be compiled.
from pol_client.aio import AsyncClient
from pol_client.aio_exchange import AsyncExchange
from pol_client.aio_guard import AsyncGuard
from pol_client.aio_pipeline import AsyncPipeline
from pol_client.aio_reviews import AsyncReviews
from pol_client.client import Client
from pol_client.connect import Tls
from pol_client.errors import (
    DeadlineExceeded,
    Denied,
    Escalated,
    InvalidRequest,
    NoDecision,
    NotAllowed,
    NotPermitted,
    PolError,
    Refused,
    Throttled,
    Unavailable,
)
from pol_client.exchange import Exchange
from pol_client.guard import Guard
from pol_client.ledger import Passed
from pol_client.pipeline import Pipeline
from pol_client.ratelimit import rate_limit_headers
from pol_client.request import Request, Stage, Usage
from pol_client.results import (
    Action,
    Decision,
    Escalation,
    Explanation,
    Failure,
    Message,
    PolicyTrace,
    Reason,
    Redaction,
    ReviewState,
    RuleTrace,
    Shadow,
    Status,
    Step,
    Throttle,
    Violation,
)
from pol_client.results_reviews import EarlierDecision, Review, ReviewDeed, ReviewPage
from pol_client.reviews import Reviews

__all__ = [
    "Action",
    "AsyncClient",
    "AsyncExchange",
    "AsyncGuard",
    "AsyncPipeline",
    "AsyncReviews",
    "Client",
    "DeadlineExceeded",
    "Decision",
    "Denied",
    "EarlierDecision",
    "Escalated",
    "Escalation",
    "Exchange",
    "Explanation",
    "Failure",
    "Guard",
    "InvalidRequest",
    "Message",
    "NoDecision",
    "NotAllowed",
    "NotPermitted",
    "Passed",
    "Pipeline",
    "PolError",
    "PolicyTrace",
    "Reason",
    "Redaction",
    "Refused",
    "Request",
    "Review",
    "ReviewDeed",
    "ReviewPage",
    "ReviewState",
    "Reviews",
    "RuleTrace",
    "Shadow",
    "Stage",
    "Status",
    "Step",
    "Throttle",
    "Throttled",
    "Tls",
    "Unavailable",
    "Usage",
    "Violation",
    "rate_limit_headers",
]
