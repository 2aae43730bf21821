from __future__ import annotations

from engine.classifiers.breaker import FAILURES, Breaker
from engine.classifiers.tally import Tally
from engine.daemon.counts import Metrics
from engine.daemon.metrics import make_registry
from engine.runtime.memory import MemoryStore
from engine.service.gate import Gate
from tests.daemon.test_metrics import samples
from tests.service.bundle import SECRET


def test_calls_failures_latency_memory_and_the_breaker_are_told_by_classifier() -> None:
    tally, breaker = Tally(), Breaker()
    tally.watch("toxicity", lambda: breaker.closed)
    tally.called("toxicity", None, 0.003, 7)
    tally.called("toxicity", None, 0.02, 1)
    tally.called("toxicity", "timeout", 9.0, 1)
    tally.recalled("toxicity")
    tally.refused("toxicity", "open", 3)
    gate = Gate(MemoryStore(), secret=SECRET)
    registry = make_registry(Metrics(), gate, tally)
    found = samples(registry)
    assert found["classifier_calls_total", "toxicity", "ok"] == 2
    assert found["classifier_calls_total", "toxicity", "timeout"] == 1
    assert found["classifier_texts_total", "toxicity"] == 9
    assert found["classifier_recalled_total", "toxicity"] == 1
    assert found["classifier_refused_total", "toxicity", "open"] == 3
    assert found["classifier_call_seconds_bucket", "toxicity", "0.005"] == 1
    assert found["classifier_call_seconds_bucket", "toxicity", "0.02"] == 2
    assert found["classifier_call_seconds_bucket", "toxicity", "+Inf"] == 3
    assert found["classifier_breaker_closed", "toxicity"] == 1
    for _ in range(FAILURES):
        breaker.fail(0.0)
    assert samples(registry)["classifier_breaker_closed", "toxicity"] == 0


def test_without_classifiers_there_is_nothing_to_tell() -> None:
    found = samples(make_registry(Metrics(), Gate(MemoryStore(), secret=SECRET)))
    assert not any(name.startswith("classifier") for name, *_ in found)
