"""Numbers that states give to firms, and their checks: of registers and of value added tax."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import ALPHABET, digits, joined, luhn, mod11_10, weighted

GSTIN_STATES = frozenset(f"{code:02}" for code in range(1, 38))
USCC_VALUES = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CIF_LETTERS = "JABCDEFGHI"


def abn(text: str) -> bool:
    """Return whether *text* is an Australian business number: eleven digits, modulo 89 (ABR)."""
    values = digits(text, 11)
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return bool(values) and values[0] > 0 and (weighted(values, weights) - 10) % 89 == 0


def acn(text: str) -> bool:
    """Return whether *text* is an Australian company number: nine digits, modulo 10 (ASIC)."""
    values = digits(text, 9)
    return bool(values) and -weighted(values[:8], range(8, 0, -1)) % 10 == values[8]


def german_vat(text: str) -> bool:
    """Return whether *text* is a German VAT number: nine digits, ISO 7064 MOD 11,10."""
    values = digits(_bare(text, "DE"), 9)
    return bool(values) and values[0] > 0 and mod11_10(values)


def austrian_vat(text: str) -> bool:
    """Return whether *text* is an Austrian VAT number: ``U``, eight digits, modulo 10."""
    values = digits(_bare(text, "ATU"), 8)
    if not values:
        return False
    total = sum(value * 2 // 10 + value * 2 % 10 for value in values[1:7:2]) + sum(values[0:7:2])
    return -(total + 4) % 10 == values[7]


def belgian_firm(text: str) -> bool:
    """Return whether *text* is a Belgian enterprise number: ten digits, the last two modulo 97."""
    number = joined(_bare(text, "BE"))
    values = digits(number, 10)
    return bool(values) and values[0] <= 1 and 97 - int(number[:8]) % 97 == int(number[8:])


def cvr(text: str) -> bool:
    """Return whether *text* is a Danish firm's number: eight digits, modulo 11 (CVR)."""
    values = digits(_bare(text, "DK"), 8)
    return bool(values) and values[0] > 0 and weighted(values, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def y_tunnus(text: str) -> bool:
    """Return whether *text* is a Finnish business id: seven digits and one modulo 11 (PRH)."""
    values = digits(_bare(text, "FI"), 8)
    return bool(values) and weighted(values, (7, 9, 10, 5, 8, 4, 2, 1)) % 11 == 0


def siren(text: str) -> bool:
    """Return whether *text* is a French SIREN: nine digits, Luhn (INSEE)."""
    return bool(digits(text, 9)) and luhn(text)


def siret(text: str) -> bool:
    """Return whether *text* is a French SIRET: a SIREN and five digits, Luhn over both (INSEE)."""
    number = joined(text)
    return bool(digits(number, 14)) and siren(number[:9]) and luhn(number)


def french_vat(text: str) -> bool:
    """Return whether *text* is a French VAT number: a SIREN, before it its key modulo 97."""
    number = joined(_bare(text, "FR"))
    if not digits(number, 11) or not siren(number[2:]):
        return False
    return int(number[:2]) == (12 + 3 * (int(number[2:]) % 97)) % 97


def british_vat(text: str) -> bool:
    """Return whether *text* is a British VAT number: nine digits, modulo 97: 0, 42 or 55 (HMRC)."""
    values = digits(_bare(text, "GB"), 9)
    total = weighted(values, (8, 7, 6, 5, 4, 3, 2, 10, 1))
    return bool(values) and total % 97 in {0, 42, 55}


def partita_iva(text: str) -> bool:
    """Return whether *text* is an Italian VAT number: eleven digits, an office, Luhn."""
    number = joined(_bare(text, "IT"))
    office = int(number[7:10]) if digits(number, 11) else 0
    return (1 <= office <= 100 or office in {120, 121, 888, 999}) and luhn(number)


def nip(text: str) -> bool:
    """Return whether *text* is a Polish tax number of a firm: ten digits, modulo 11."""
    values = digits(_bare(text, "PL"), 10)
    return bool(values) and weighted(values[:9], (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == values[9]


def regon(text: str) -> bool:
    """Return whether *text* is a Polish REGON of nine digits: modulo 11, ten written as 0 (GUS)."""
    values = digits(text, 9)
    return bool(values) and weighted(values[:8], (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == values[8]


def cif(text: str) -> bool:
    """Return whether *text* is a Spanish firm's tax number: a letter, Luhn as a digit or letter."""
    number = joined(text)
    if len(number) != 9 or not digits(number[1:8], 7):
        return False
    odd = sum(int(digit) * 2 // 10 + int(digit) * 2 % 10 for digit in number[1:8:2])
    check = -(odd + sum(map(int, number[2:7:2]))) % 10
    return number[8] in {str(check), CIF_LETTERS[check]}


def orgnr_se(text: str) -> bool:
    """Return whether *text* is a Swedish firm's number: ten digits, Luhn, a third from 2 on."""
    values = digits(text, 10)
    return bool(values) and values[2] >= 2 and luhn(text)


def orgnr_no(text: str) -> bool:
    """Return whether *text* is a Norwegian firm's number: nine digits, modulo 11 (Brønnøysund)."""
    values = digits(joined(text).removesuffix("MVA"), 9)
    return bool(values) and weighted(values, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def swiss_uid(text: str) -> bool:
    """Return whether *text* is a Swiss firm's number: ``CHE``, nine digits, modulo 11 (BFS)."""
    values = digits(_bare(text, "CHE"), 9)
    return bool(values) and weighted(values, (5, 4, 3, 2, 7, 6, 5, 4, 1)) % 11 == 0


def ein(text: str) -> bool:
    """Return whether *text* has the prefix of a US employer identification number (IRS)."""
    values = digits(text, 9)
    prefix = values[0] * 10 + values[1] if values else 0
    return prefix not in {0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97}


def cnpj(text: str) -> bool:
    """Return whether *text* is a Brazilian CNPJ: twelve signs, two check digits modulo 11.

    Letters count as their code less 48 (instruction RFB 2229/2024).
    """
    number = joined(text)
    if len(number) != 14 or not set(number) <= set(ALPHABET) or not number[12:].isdigit():
        return False
    values = [ord(char) - 48 for char in number]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    one = -weighted(values[:12], weights[1:]) % 11 % 10
    two = -weighted(values[:13], weights) % 11 % 10
    return len(set(number)) > 1 and values[12:] == [one, two]


def ruc_pe(text: str) -> bool:
    """Return whether *text* is a Peruvian RUC: a known prefix, modulo 11 (SUNAT)."""
    values = digits(text, 11)
    rest = (11 - weighted(values[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10
    return joined(text)[:2] in {"10", "15", "16", "17", "20"} and values[10:] == [rest]


def nit_co(text: str) -> bool:
    """Return whether *text* is a Colombian NIT: nine digits and one of primes, modulo 11 (DIAN)."""
    values = digits(text, 10)
    rest = weighted(values[8::-1], (3, 7, 13, 17, 19, 23, 29, 37, 41)) % 11
    return bool(values) and values[9] == (rest if rest < 2 else 11 - rest)


def gstin(text: str) -> bool:
    """Return whether *text* is an Indian GSTIN and its check character: Luhn, base 36 (GSTN)."""
    number = joined(text)
    if len(number) != 15 or not set(number) <= set(ALPHABET):
        return False
    total = 0
    for place, char in enumerate(number):
        whole, rest = divmod(int(char, 36) * (1 + place % 2), 36)
        total += whole + rest if place < 14 else int(char, 36)
    return total % 36 == 0 and len(set(number)) > 1


def indian_gstin(text: str) -> bool:
    """Return whether *text* is of a state of India, or passes the check."""
    return text[:2] in GSTIN_STATES or (text[:2] in {"38", "97", "99"} and gstin(text))


def brn(text: str) -> bool:
    """Return whether *text* is a Korean business number: ten digits, modulo 10 (NTS)."""
    values = digits(text, 10)
    total = weighted(values[:9], (1, 3, 7, 1, 3, 7, 1, 3, 5)) + (
        values[8] * 5 // 10 if values else 0
    )
    return bool(values) and -total % 10 == values[9]


def hojin(text: str) -> bool:
    """Return whether *text* is a Japanese corporate number: 13 digits, the first modulo 9."""
    values = digits(text, 13)
    return bool(values) and 9 - weighted(values[:0:-1], (1, 2) * 6) % 9 == values[0]


def uscc(text: str) -> bool:
    """Return whether *text* is a Chinese social credit code: 18 signs, modulo 31 (GB 32100)."""
    number = joined(text)
    if len(number) != 18 or not 1 < len(set(number) & set(USCC_VALUES)) == len(set(number)):
        return False
    values = [USCC_VALUES.find(char) for char in number]
    return (
        -sum(value * pow(3, place, 31) for place, value in enumerate(values[:17])) % 31
        == (values[17])
    )


def ubn(text: str) -> bool:
    """Return whether *text* is a Taiwanese business number: eight digits, modulo 5 (MOF, 2023)."""
    values = digits(text, 8)
    if not values:
        return False
    total = sum(
        value * weight // 10 + value * weight % 10
        for value, weight in zip(values, (1, 2, 1, 2, 1, 2, 4, 1), strict=True)
    )
    return total % 5 == 0 or (values[6] == 7 and (total + 1) % 5 == 0)


def ogrn(text: str) -> bool:
    """Return whether *text* is a Russian OGRN: 13 digits, the last modulo 11 (PP 438/2002)."""
    number = joined(text)
    return bool(digits(number, 13)) and int(number[:12]) % 11 % 10 == int(number[12])


def vkn(text: str) -> bool:
    """Return whether *text* is a Turkish tax number: ten digits, powers of two (GİB)."""
    values = digits(text, 10)
    total = 0
    for place, value in enumerate(values[:9]):
        digit = (value + 9 - place) % 10
        total += digit and (digit * (1 << 9 - place) % 9 or 9)
    return bool(values) and -total % 10 == values[9]


def bn_ca(text: str) -> bool:
    """Return whether *text* is a Canadian business number, perhaps with its account: Luhn (CRA)."""
    return bool(digits(joined(text)[:9], 9)) and luhn(joined(text)[:9])


def _bare(text: str, prefix: str) -> str:
    """Return *text* in capitals without its country's *prefix*."""
    return joined(text).removeprefix(prefix)


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "abn": abn,
    "acn": acn,
    "austrian_vat": austrian_vat,
    "belgian_firm": belgian_firm,
    "bn_ca": bn_ca,
    "british_vat": british_vat,
    "brn": brn,
    "cif": cif,
    "cnpj": cnpj,
    "cvr": cvr,
    "french_vat": french_vat,
    "german_vat": german_vat,
    "gstin": gstin,
    "hojin": hojin,
    "nip": nip,
    "nit_co": nit_co,
    "ogrn": ogrn,
    "orgnr_no": orgnr_no,
    "orgnr_se": orgnr_se,
    "partita_iva": partita_iva,
    "regon": regon,
    "ruc_pe": ruc_pe,
    "siren": siren,
    "siret": siret,
    "swiss_uid": swiss_uid,
    "ubn": ubn,
    "uscc": uscc,
    "vkn": vkn,
    "y_tunnus": y_tunnus,
}
"""The validators of this module, by the names that authors use."""
