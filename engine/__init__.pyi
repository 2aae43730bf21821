from engine.embedding import Engine as Engine
from engine.embedding import load as load
from engine.runtime.decision import Decision as Decision
from engine.runtime.explain import Explanation as Explanation
from engine.runtime.request import InvalidRequest as InvalidRequest
from engine.runtime.request import Request as Request
from engine.service.compiled import PolicyError as PolicyError

__all__ = [
    "Decision",
    "Engine",
    "Explanation",
    "InvalidRequest",
    "PolicyError",
    "Request",
    "load",
]
__version__: str
PLACES: dict[str, str]
