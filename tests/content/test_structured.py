"""Identifiers that firms, banks, offices and devices give: by shape, by check, by name."""

# ruff: noqa: E501 - a case reads best on one line

from __future__ import annotations

import pytest

from engine.content.entities import ENTITIES
from engine.content.net import Net, cast, find_cast, pack_net, wanted
from engine.content.personal import PERSONAL
from engine.content.plan import arrange, find_spans
from engine.content.redact import Strategy, redact_text
from engine.content.rules import builtin_rules
from engine.content.scan import build_scanner
from engine.content.stream import Redaction, StreamRedactor
from engine.content.stream_hold import make_hold
from tests.content.plain import plain_spans
from tests.content.test_codes import (
    CARD,
    COSMOS,
    ETHEREUM,
    PASSPORT,
    SEGWIT,
    STELLAR,
    VISA,
    WALLETS,
    WIDE_CARD,
)

SCANNER = build_scanner((), {})

CASES = [
    ("pii.ip", "10.0.0.0/8, fe80::/10, 10.0.0.1/33, ::1/129, 10.0.0.1/024", ["10.0.0.0/8", "fe80::/10", "10.0.0.1", "::1", "10.0.0.1"]),
    ("pii.ip", "fe80::1%eth0/64", ["fe80::1%eth0/64"]),
    ("pii.mac", "3c:22:fb:10:9a:0e, 3C-22-FB-10-9A-0F and 3c22.fb10.9a0e", ["3c:22:fb:10:9a:0e", "3C-22-FB-10-9A-0F", "3c22.fb10.9a0e"]),
    ("pii.mac", "3c:22:fb:10:9a:0e:11, 00:00:00:00:00:00, 1000.2000.3000, 12:30:45", []),
    ("pii.ssn", "536 90 4399", []),
    ("pii.ssn", "SSN 536 90 4399 or 536.90.4398", ["536 90 4399", "536.90.4398"]),
    ("pii.ssn", "part number 536-90-4399 and ssn_hash: 536-90-4398", []),
    ("pii.itin", "912-70-1234, 912 94 1234, 912-93-1234, 912701234", ["912-70-1234", "912 94 1234"]),
    ("pii.itin", "ITIN 912701234", ["912701234"]),
    ("pii.driver_license", "driver's license Q447-1920-3381, driving licence no. 44 719 203", ["Q447-1920-3381", "44 719 203"]),
    ("pii.driver_license", "Führerschein: B072RRE2I55; DRIVERS LICENSE # WDLAB12345DG", ["B072RRE2I55", "WDLAB12345DG"]),
    ("pii.driver_license", "driver license renewal, driver license ABCDEFGHI", []),
    ("pii.driver_license", "LINDQ802134M99XY, LINDQ852134M99XY, LINDQ872134M99XY, LINDQ802404M99XY", ["LINDQ802134M99XY", "LINDQ852134M99XY"]),
    ("pii.driver_license", "driving licence LINDQ 802134 M99XY", ["LINDQ 802134 M99XY"]),
    ("pii.driver_license", "U1F2K3L4MZ, U1FFKKLLMZ, U1A2K3L4MZ", ["U1F2K3L4MZ"]),
    ("pii.driver_license", "driving licence Q1234AB", ["Q1234AB"]),
    ("pii.passport", "Passport No. X1234567, reisepass C01X00T47, passeport 12AB34567", ["X1234567", "C01X00T47", "12AB34567"]),
    ("pii.passport", '{"passport_number": "533380006"} and passport: HJKLMNPRT', ["533380006"]),
    ("pii.passport", "여권번호는 M123A4567입니다, Паспорт 51 1234567", ["M123A4567", "51 1234567"]),
    ("pii.passport", "X1234567 and passport T356907", []),
    ("pii.passport", f"scan:\n{PASSPORT}\n\n{VISA}", [PASSPORT, VISA]),
    ("pii.passport", f"{WIDE_CARD}\n\n{CARD}\n\n{CARD[:-40]}1{CARD[-39:]}", [WIDE_CARD, CARD]),
    ("phi.mrn", 'MRN: 00123456, "patient_id": "AB-99120", medical_record_number=4471920, Patientennummer 88123', ["00123456", "AB-99120", "4471920", "88123"]),
    ("phi.mrn", "the patient number is in the chart, medical records 12", []),
    ("phi.health_plan", "Health plan member ID: XYZ 123456789, Medicaid no. 12345678A, subscriber id is 998-77-1234", ["XYZ 123456789", "12345678A", "998-77-1234"]),
    ("phi.health_plan", "health insurance 2024, subscriber 12, the member 123456", []),
    ("pii.bank", "checking account number is 1234 567 890, Kontonummer: 648489890", ["1234 567 890", "648489890"]),
    ("pii.bank", "sort code 20-00-00, BSB 062-000, IFSC: HDFC0001234", ["20-00-00", "062-000", "HDFC0001234"]),
    ("pii.bank", "your account 1234567890 and 20-00-00", []),
    ("pii.bank", "ABA 0210-0002-1", ["0210-0002-1"]),
    ("pii.swift", "SWIFT/BIC: DEUTDEFF500, bic code NDEAFIHH", ["DEUTDEFF500", "NDEAFIHH"]),
    ("pii.swift", "swift REGIXXER, DEUTDEFF, a cubic COMPUTER", []),
    ("pii.crypto", " ".join(WALLETS), list(WALLETS)),
    ("pii.crypto", f"{SEGWIT} {SEGWIT.upper()} {COSMOS} {STELLAR} {ETHEREUM}", [SEGWIT, SEGWIT.upper(), COSMOS, STELLAR, ETHEREUM]),
    ("pii.crypto", f"{WALLETS[0]}2 {SEGWIT}q {STELLAR[:-1]}A {ETHEREUM}0", []),
    ("pii.crypto", "4" + "7B" * 47, ["4" + "7B" * 47]),
    ("pii.vehicle.vin", "LSGJA52U7AH012345, VIN: WVWZZZ1JZXW000001", ["LSGJA52U7AH012345", "WVWZZZ1JZXW000001"]),
    ("pii.vehicle.vin", "WVWZZZ1JZXW000001, 12345678901234567, S0895479899356080", []),
    ("pii.vehicle.uk", "LK72 ABC and LK72ABD", ["LK72 ABC", "LK72ABD"]),
    ("pii.vehicle.uk", "IK72 ABC, LK49 ABC, LK72 AIC, lk72 abc, XLK72 ABC, LK72 ABC-1", []),
    ("pii.vehicle.de", "B-MW 1234, HH-AB-12E, KA EF 12H, M-X 1", ["B-MW 1234", "HH-AB-12E", "KA EF 12H", "M-X 1"]),
    ("pii.vehicle.de", "DIN EN 1090, XX-AB 12, M X 1, AB CD 12, HH-AB 12345, OS X 10, BAR-AB 1234", []),
    ("pii.vehicle.in", "KA 01 AB 1234, MH12DE1433, 22 BH 1234 AA", ["KA 01 AB 1234", "MH12DE1433", "22 BH 1234 AA"]),
    ("pii.vehicle.in", "XX01AB1234 and 12 BH 1234 AA", []),
    ("pii.vehicle.plate", "licence plate AB-123-CD, Kennzeichen: W 12345 X, kenteken 12-abc-3", ["AB-123-CD", "W 12345 X", "12-abc-3"]),
    ("pii.vehicle.plate", "number plates 12345, plate AB1, licence plate readers", []),
    ("pii.postcode", "SW1A 1AA, M1 1AE, K1A 0B1", ["SW1A 1AA", "M1 1AE", "K1A 0B1"]),
    ("pii.postcode", "XA1 1AA, M1 1CA, D1A 0B1, SW1A1AA", []),
    ("pii.postcode", "Austin, TX 78741 and Boston,\n MA 02110-1301 and Austin, XX 78741", ["78741", "02110-1301"]),
    ("pii.postcode", "D-10115 Berlin, CH-8001 Zürich, A-1009 went, E-1000 Series", ["D-10115", "CH-8001"]),
    ("pii.postcode", "postcode ec1a1bb, ZIP code: 94103, PLZ 10115, zip_code=1234 AB, c.a.p. 00184", ["ec1a1bb", "94103", "10115", "1234 AB", "00184"]),
    ("pii.postcode", "for n in zip((1900, 2000)), zip file", []),
    ("pii.date_of_birth", "born on 2/8/1935, DOB: 1985-03-12, geboren am 12. 3. 1985", ["2/8/1935", "1985-03-12", "12. 3. 1985"]),
    ("pii.date_of_birth", "Date of birth. It's March 3rd, 1985; née le 3 août 1985", ["March 3rd, 1985", "3 août 1985"]),
    ("pii.date_of_birth", "customer_dob=19850312, 生年月日 1985年3月12日, birth 3/12/85", ["19850312", "1985年3月12日", "3/12/85"]),
    ("pii.date_of_birth", "birthday 1985 March 12", ["1985 March 12"]),
    ("pii.date_of_birth", "born 31/31/1985, born 1985-13-12, born 20851312, born Building 12, 1985, born 5/5/850, 2/8/1935", []),
    ("pii.date_of_birth", "born 12 March 1785, born 1/2/1785 or 12/12/1785", []),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "found"), CASES)
def test_identifiers_are_found_and_lookalikes_are_not(
    entity: str, text: str, found: list[str]
) -> None:
    findings = SCANNER.scan(text, frozenset({entity}))
    assert [text[one.start : one.end] for one in findings] == found


def test_plan_and_net_find_what_the_patterns_find() -> None:
    rules = [rule for entity in PERSONAL for rule in builtin_rules(entity)]
    plan, held = arrange(rules), cast(rules, Net(pack_net(wanted(rule.pattern for rule in rules))))
    assert held is not None
    for _, text, _ in CASES:
        data = text.encode()
        plain = [one[:3] for one in plain_spans(rules, data)]
        for found in (find_spans(plan, data), find_cast(held, data)):
            assert sorted((one.rule.entity, one.start, one.end) for one in found) == plain


LOOKALIKES = """\
commit 3f2a9c81d07be4461c5e0a9b7d12f8836ac041be fixes 9d1c0f7 and merges 0x7fff5fbff8a0
order 10493-2207-8841, invoice no. 2026-004417, ticket #88120-4471, tracking 1Z 999 AA1 01 2345 6784
version 2.14.0-rc.3, build 20260314.2, Python 3.11.7, kernel 5.15.0-91-generic, chrome 121.0.6167.85
ISBN 978-3-16-148410-0, ISSN 2049-3630, doi:10.1109/5.771073, RFC 4291, PMID 30049270
2026-03-14T09:26:53.589Z, 14.03.2026 09:26, 1773480413, 1773480413589, 09:26:53
52.520008, 13.404954 and 48°51'29.6"N, 1920x1080, 16:9, 1/2, 3.14159265358979, 6.022e23
$1,299.00, 12 500 000 EUR, 1.000.000, 99.95 %, 0.0015, 4,294,967,296
SKU AB-1234-CD, model XC-9000, part 7H0-820-411B, DIN EN ISO 9001, IEC 60601-1, MIL-STD-810G
3d6f0a1e-5b2c-4f7d-9e8a-1c2b3d4e5f60, sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c1
pages 171-184, vol. 20 (1982), years 1998-2004, seats 12-18, rooms 101 102 103, 10 20 30 40 50
&#128512; %E2%82%AC \\u00e9 row 000123 id=7718293 user_id: 10482291 uid=501(gid=20) pid 88231 port 8443
"""
"""What no person, account or device has, of the author's own invention."""


@pytest.mark.parametrize("line", LOOKALIKES.splitlines())
def test_numbers_of_things_are_no_personal_data(line: str) -> None:
    names = frozenset(entity.name for entity in PERSONAL)
    assert [(one.entity, line[one.start : one.end]) for one in SCANNER.scan(line, names)] == []


@pytest.mark.slow
def test_a_stream_of_single_characters_is_redacted_as_its_whole() -> None:
    names = frozenset(entity.name for entity in PERSONAL)
    hold = make_hold(SCANNER, names)
    redaction = Redaction(dict.fromkeys(names, Strategy("label")), b"", "s")
    for _, text, _ in CASES:
        stream = StreamRedactor(SCANNER, hold, names, redaction, lambda _one: False)
        passed = [stream.feed(char).text for char in text] + [stream.finish().text]
        findings = SCANNER.scan(text, names)
        assert "".join(passed) == redact_text(text, findings, redaction.strategies, b"", "s").text


def test_all_of_them_are_built_in() -> None:
    assert all(ENTITIES[entity.name] is entity for entity in PERSONAL)
