from __future__ import annotations

from engine.content.scan import build_scanner

SCANNER = build_scanner((), {})


def texts(text: str, *entities: str) -> list[str]:
    return [text[one.start : one.end] for one in SCANNER.scan(text, frozenset(entities))]


def test_each_structured_entity_is_found_in_prose() -> None:
    assert texts("Write to ann.lee@example.org.", "pii.email") == ["ann.lee@example.org"]
    assert texts("Call 555-010-9999 now", "pii.phone") == ["555-010-9999"]
    assert texts("Pay with 4111 1111 1111 1111.", "pii.card") == ["4111 1111 1111 1111"]
    assert texts("to GB82 WEST 1234 5698 7654 32 and", "pii.iban") == [
        "GB82 WEST 1234 5698 7654 32"
    ]
    assert texts("from 10.0.0.1:80 and fe80::1.", "pii.ip") == ["10.0.0.1", "fe80::1"]
    assert texts("SSN 123-45-6789", "pii.ssn") == ["123-45-6789"]
