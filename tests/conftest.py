"""For all tests: Hypothesis without deadlines; timings are measured in bench, never asserted."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")

# As the command line does: gRPC reads it when it is imported, and a test forks.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
