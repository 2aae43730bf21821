"""Checks of numbers of states, against a library that knows most of them and published examples."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content import checksums
from engine.content.identity_asia import korean_id
from engine.content.identity_companies import COMPANIES
from engine.content.identity_firms import ein, indian_gstin
from engine.content.identity_west import german_tax_id, nino
from engine.content.national import NATIONAL, NUMBERS
from engine.content.validate import VALIDATORS

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TRIES = 1500

Make = Callable[[Random], str]


def shape(template: str) -> Make:
    """Return what makes texts of a *template*: ``9`` a digit, ``A`` a letter, ``N`` either.

    ``D`` is a day as DDMMYY, ``Y`` one as YYMMDD, ``C`` one as YYYYMMDD, ``J`` one as DDMMYYY, and
    ``[abc]`` one of these characters.
    """

    def make(source: Random) -> str:
        year, month, day = source.randint(1931, 2024), source.randint(1, 12), source.randint(1, 28)
        parts = {
            "D": f"{day:02}{month:02}{year % 100:02}",
            "Y": f"{year % 100:02}{month:02}{day:02}",
            "C": f"{year:04}{month:02}{day:02}",
            "J": f"{day:02}{month:02}{year % 1000:03}",
        }
        text, choice = "", ""
        for char in template:
            if choice or char == "[":
                choice += char
                if char == "]":
                    text += source.choice(choice[1:-1])
                    choice = ""
            elif char == "9":
                text += source.choice(DIGITS)
            elif char == "A":
                text += source.choice(LETTERS)
            elif char == "N":
                text += source.choice(DIGITS + LETTERS)
            else:
                text += parts.get(char, char)
        return text

    return make


SAME = {
    "abn": ("au.abn", "99999999999"),
    "acn": ("au.acn", "999999999"),
    "aadhaar": ("in_.aadhaar", "999999999999"),
    "afm": ("gr.vat", "999999999"),
    "ahv": ("ch.ssn", "7569999999999"),
    "amka": ("gr.amka", "D99999"),
    "austrian_vat": ("at.uid", "[A]TU99999999"),
    "bn_ca": ("ca.bn", "999999999"),
    "bsn": ("nl.bsn", "999999999"),
    "cartao_cidadao": ("pt.cc", "999999999AA9"),
    "cedula_do": ("do.cedula", "[0][0]199999999"),
    "cedula_ec": ("ec.ci", "[012]999999999"),
    "chinese_id": ("cn.ric", "110101C9999"),
    "cif": ("es.cif", "[BEH]9999999N"),
    "cnic": ("pk.cnic", "9999999999999"),
    "cnp": ("ro.cnp", "[12]Y129999"),
    "cnpj": ("br.cnpj", "99999999999999"),
    "codice_fiscale": ("it.codicefiscale", "AAAAAA99[ABCDEHLMPRST]0[123456789]A999A"),
    "cpf": ("br.cpf", "99999999999"),
    "cuit": ("ar.cuit", "2[037]999999999"),
    "cvr": ("dk.cvr", "[123456789]9999999"),
    "dni": ("es.nif", "99999999A"),
    "egn": ("bg.egn", "Y9999"),
    "epic": ("in_.epic", "WKH9999999"),
    "french_vat": ("fr.tva", "FR99999999999"),
    "gstin": ("in_.gstin", "27[A][A]PFU0939[ABC]1ZN"),
    "hojin": ("jp.cn", "9999999999999"),
    "idnp": ("md.idno", "9999999999999"),
    "inn": ("ru.inn", "9999999999"),
    "ird": ("nz.ird", "999999999"),
    "isikukood": ("ee.ik", "[3456]Y9999"),
    "jmbg": ("si.emso", "J509999"),
    "my_number": ("jp.in_", "999999999999"),
    "german_vat": ("de.vat", "999999999"),
    "mykad": ("my.nric", "Y149999"),
    "nif_pt": ("pt.nif", "999999999"),
    "partita_iva": ("it.iva", "99999999999"),
    "personas_kods": ("lv.pvn", "D[012]9999"),
    "personnummer": ("se.personnummer", "Y-9999"),
    "nhs": ("gb.nhs", "9999999999"),
    "nip": ("pl.nip", "9999999999"),
    "nir": ("fr.nir", "[12]99[01]17599999999"),
    "nit_co": ("co.nit", "9999999999"),
    "oib": ("hr.oib", "99999999999"),
    "ogrn": ("ru.ogrn", "1999999999999"),
    "orgnr_no": ("no.orgnr", "999999999"),
    "pesel": ("pl.pesel", "Y99999"),
    "phn_bc": ("ca.bc_phn", "[9]999999999"),
    "pps": ("ie.pps", "9999999[ABCDEFGHIJKLMNOPQRSTUVW][ABHW]"),
    "regon": ("pl.regon", "999999999"),
    "rif": ("ve.rif", "[VEJG]999999999"),
    "rnokpp": ("ua.rntrc", "9999999999"),
    "rodne_cislo": ("cz.rc", "Y/9999"),
    "ruc_pe": ("pe.ruc", "20[01234]99999999"),
    "rut": ("cl.rut", "99999999[0123456789K]"),
    "siren": ("fr.siren", "999999999"),
    "siret": ("fr.siret", "99999999999999"),
    "sin_ca": ("ca.sin", "999999999"),
    "steuer_id": ("de.idnr", "12345678[12345670]99"),
    "svnr": ("at.vnr", "9999D"),
    "swiss_uid": ("ch.uid", "[C]HE999999999"),
    "tckimlik": ("tr.tckimlik", "99999999999"),
    "teudat_zehut": ("il.idnr", "999999999"),
    "tfn": ("au.tfn", "999999999"),
    "uscc": ("cn.uscc", "9111000060003799[ABC]N"),
    "vkn": ("tr.vkn", "9999999999"),
    "y_tunnus": ("fi.ytunnus", "99999999"),
}  # fmt: skip
"""Checks that must agree with that module of stdnum on texts of that shape."""
NARROWER = {
    "brn": ("kr.brn", "[12]198199999"),
    "nik": ("id.nik", "317108D9999"),
    "orgnr_se": ("se.orgnr", "9999999999"),
    "rfc": ("mx.rfc", "GO[BF][EFG]YNN9"),
    "thai_id": ("th.pin", "9999999999999"),
}
"""Checks that ask for more: a check digit, a province, a serial number that is given."""
WIDER = {
    "british_vat": ("gb.vat", "999999999"),
    "curp": ("mx.curp", "A[AEIOU]AAY[HM][D]F[B][C][D]09"),
    "fodselsnummer": ("no.fodselsnummer", "D99999"),
    "hetu": ("fi.hetu", "D-999N"),
    "kennitala": ("is_.kennitala", "D9999"),
    "korean_id": ("kr.rrn", "Y[12]999999"),
    "rijksregister": ("be.nn", "Y99999"),
    "ubn": ("tw.ubn", "99999999"),
    "za_id": ("za.idnr", "Y9999[01]99"),
}
"""Checks that take more: numbers of later rules, of provisional kinds, of the century to come."""
PUBLISHED = (
    ("ado", "8071592153"), ("dowod", "ABA300000"), ("emirates_id", "784-1968-6570305-0"),
    ("german_document", "T220001293"), ("german_document", "L01X00T471"), ("hkid", "A123456(3)"),
    ("hkid", "AB987654(3)"), ("iranian_id", "0084575948"), ("korean_id", "911124-5678906"),
    ("nric", "S1234567D"), ("nric", "M1234567K"), ("saudi_id", "1058529940"),
    ("snils", "112-233-445 95"), ("taiwan_id", "A123456789"), ("cedula_uy", "1.234.567-2"),
    ("kvnr", "A123456780"), ("cpr", "211062-5629"), ("nhi", "ZZZ0016"), ("npi", "1234567893"),
    ("ohip", "1234567897"), ("medicare_au", "2123 45670 1"), ("taj", "111 111 110"),
    ("dea", "AB1234563"), ("personnummer", "811218+9876"), ("cnpj", "12.ABC.345/01DE-35"),
    ("inn", "500100732259"), ("ubn", "10458575"), ("belgian_firm", "0403.170.701"),
    ("ihi", "8003608166690503"), ("lanr", "123456601"),
)  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_checks_agree_with_the_library(name: str) -> None:
    module, template = SAME[name]
    library, check, make = import_module(f"stdnum.{module}"), NUMBERS[name], shape(template)
    source = Random(name)  # noqa: S311 - texts, no secrets
    texts = [make(source) for _ in range(TRIES)]
    assert [text for text in texts if check(text) != library.is_valid(text)] == []
    assert any(map(check, texts))


@pytest.mark.parametrize("name", [*NARROWER, *WIDER])
def test_checks_differ_from_the_library_one_way_only(name: str) -> None:
    module, template = (NARROWER | WIDER)[name]
    library, check, make = import_module(f"stdnum.{module}"), NUMBERS[name], shape(template)
    source = Random(name)  # noqa: S311 - texts, no secrets
    texts = [make(source) for _ in range(TRIES)]
    ours, theirs = {*filter(check, texts)}, {*filter(library.is_valid, texts)}
    assert ours <= theirs if name in NARROWER else theirs <= ours
    assert ours


def test_the_library_checks_digits_of_mexican_numbers_when_asked() -> None:
    library, check = import_module("stdnum.mx.rfc"), NUMBERS["rfc"]
    source = Random(7)  # noqa: S311 - texts, no secrets
    texts = [shape(kind)(source) for kind in ("GO[BF][EFG]YNN9", "[K]MXYNN9") * TRIES]
    assert [
        text for text in texts if check(text) != library.is_valid(text, validate_check_digits=True)
    ] == []


@pytest.mark.parametrize(("name", "number"), PUBLISHED)
def test_published_examples_are_right(name: str, number: str) -> None:
    check = NUMBERS[name]
    assert check(number)
    last = max(place for place, char in enumerate(number) if char.isdigit())
    if name not in {"lanr", "medicare_au"}:
        assert not check(f"{number[:last]}{(int(number[last]) + 1) % 10}{number[last + 1 :]}")


def test_every_check_is_one_of_an_entity_or_has_an_example() -> None:
    used = {pattern.check for entity in NATIONAL for pattern in entity.patterns}
    tested = {*SAME, *NARROWER, *WIDER, *(name for name, _ in PUBLISHED)}
    assert {name for name, check in NUMBERS.items() if check not in used} <= tested


def test_authors_may_use_all_checks() -> None:
    assert {*NUMBERS} <= {*VALIDATORS}
    assert all(VALIDATORS[name] is check for name, check in NUMBERS.items())


@pytest.mark.parametrize("name", NUMBERS)
def test_a_field_that_was_filled_is_no_number(name: str) -> None:
    check = NUMBERS[name]
    for size in range(20):
        for char in ("0", "1", "9", "A", "\u0661", "\u00b2"):
            # A document may be numbered so, and a name may be spelt so.
            if not (name in {"german_document", "dowod", "dea"} and char != "\u0661"):
                assert not check(char * size), (char, size)


@given(text=st.text(st.sampled_from("0123456789" * 3 + "ABCDEFXYZ-. /\u0661\u00b2ß"), max_size=20))
def test_checks_take_any_text(text: str) -> None:
    for check in (*NUMBERS.values(), nino, ein, indian_gstin, german_tax_id):
        assert check(text) in {True, False}


def test_a_day_that_is_not_there_makes_no_baltic_number() -> None:
    assert NUMBERS["isikukood"]("37605030299")
    assert not NUMBERS["isikukood"]("37602300299")


def test_children_and_foreigners_in_korea_have_numbers_without_a_check() -> None:
    assert not korean_id("211013-3212134")
    assert not korean_id("211313-3212134")


def test_there_are_firms_of_many_states() -> None:
    assert len({entity.name for entity in COMPANIES}) >= 25


@pytest.mark.parametrize(
    ("month", "day", "year", "there"),
    [
        (2, 29, None, True),
        (2, 29, 2000, True),
        (2, 29, 1900, False),
        (2, 29, 2023, False),
        (4, 31, None, False),
        (0, 1, None, False),
        (13, 1, None, False),
        (1, 0, None, False),
    ],
)
def test_days_are_those_of_the_calendar(
    month: int, day: int, year: int | None, *, there: bool
) -> None:
    assert checksums.is_day(month, day, year) is there


def test_digits_are_those_of_ascii() -> None:
    assert checksums.digits("12-3.4", 4) == [1, 2, 3, 4]
    assert checksums.digits("1234", 5) == []
    assert checksums.digits("12a4", 4) == []
    assert checksums.digits("\u0661234", 4) == []
    assert checksums.digits("7777", 4) == []
