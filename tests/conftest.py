"""For all tests: Hypothesis without deadlines; timings are measured in bench, never asserted."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
