"""Numbers that the states of Asia give to people, from India to Japan, and their checks."""

# ruff: noqa: PLR2004 - lengths, weights and moduli are the algorithms themselves

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.content.checksums import ALPHABET, digits, is_day, joined, luhn, verhoeff, weighted
from engine.content.detectors import Entity, Pattern
from engine.content.identity import (
    BARE,
    DAY,
    FAIR,
    MONTH,
    SURE,
    WEAK,
    YEAR,
    apart,
    coloned,
    counts_otherwise,
    digital,
    grouped,
    lettered,
    signed,
    spoken,
)

NRIC_LETTERS = {
    "S": "JZIHGFEDCBA",
    "T": "GFEDCBAJZIH",
    "F": "XWUTRQPNMLK",
    "G": "RQPNMLKXWUT",
    "M": "KLJNPQRTUWX",
}
TAIWAN = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
"""Letters of counties by their codes, from 10 on."""
PROVINCES_TH = frozenset(range(10, 97)) - {28, 29, 59, 68, 69, 78, 79, 87, 88, 89}
PROVINCES_CN = frozenset(
    (11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51,
     52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91)
)  # fmt: skip
FOREIGNERS_KR = 5
UNCHECKED_KR = 20201001
COLONS = str.maketrans("", "", ":")


def aadhaar(text: str) -> bool:
    """Return whether *text* is an Indian Aadhaar number: 12 digits, Verhoeff (UIDAI)."""
    values = digits(text.translate(COLONS), 12)
    return bool(values) and values[0] >= 2 and verhoeff(text)


def epic(text: str) -> bool:
    """Return whether *text* is an Indian voter's number: three letters, seven digits with Luhn."""
    number = joined(text)
    return len(number) == 10 and bool(digits(number[3:], 7)) and luhn(number[3:])


def nric(text: str) -> bool:
    """Return whether the letter of a Singaporean NRIC or FIN is its weighted sum modulo 11."""
    number = joined(text)
    values = digits(number[1:-1], 7)
    letters = NRIC_LETTERS.get(number[:1])
    if not values or letters is None:
        return False
    total = weighted(values, (2, 7, 6, 5, 4, 3, 2)) + 3 * (number[0] == "M")
    place = 10 - total % 11 if number[0] == "M" else total % 11
    return number[-1] == letters[place]


def _singaporean(text: str) -> bool:
    """Return whether the letter of *text* is one that numbers of its series end in."""
    return text[-1] in NRIC_LETTERS[text[0]]


def thai_id(text: str) -> bool:
    """Return whether *text* is a Thai number: kind, province, check modulo 11 (DOPA)."""
    values = digits(text, 13)
    return (
        bool(values)
        and 1 <= values[0] <= 8
        and values[1] * 10 + values[2] in PROVINCES_TH
        and (11 - weighted(values[:12], range(13, 1, -1)) % 11) % 10 == values[12]
    )


def _thai_alone(text: str) -> bool:
    """Return whether *text* is a Thai number, and neither a barcode nor a time in milliseconds."""
    return not counts_otherwise(text) and thai_id(text)


def _korean_day(text: str) -> int | None:
    """Return the day of birth in 13 digits, as 19991231, if a Korean number may begin so."""
    number = joined(text)
    year = int(number[:2]) + (1900 if number[6] in "1256" else 2000)
    if number[6] not in "12345678" or not is_day(int(number[2:4]), int(number[4:6]), year):
        return None
    return year * 10000 + int(number[2:6])


def korean_id(text: str) -> bool:
    """Return whether *text* is a Korean RRN or FRN with the check of those given before 2020.

    A day, the sign of sex and century, and a digit modulo 11; foreigners have 2 added to it.
    """
    values = digits(text, 13)
    if not values or _korean_day(text) is None:
        return False
    rest = 11 - weighted(values[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11
    return values[12] == (rest + 2 if values[6] >= FOREIGNERS_KR else rest) % 10


def _korean(text: str) -> bool:
    """Return whether *text* is a Korean number as it may be given: those of citizens have a check.

    Since October 2020 new ones have none, which are those of children and of foreigners.
    """
    day = _korean_day(text)
    if day is None:
        return False
    return day >= UNCHECKED_KR or joined(text)[6] in "5678" or korean_id(text)


def _korean_alone(text: str) -> bool:
    return korean_id(text) or (not counts_otherwise(text) and _korean(text))


def chinese_id(text: str) -> bool:
    """Return whether *text* is a Chinese identity number: province, day, MOD 11-2 (GB 11643)."""
    number = joined(text)
    values = digits(number[:17], 17)
    if len(number) != 18 or not values or int(number[:2]) not in PROVINCES_CN:
        return False
    total = sum(value * pow(2, 17 - place, 11) for place, value in enumerate(values))
    day = is_day(int(number[10:12]), int(number[12:14]), int(number[6:10]))
    return day and "10X98765432"[total % 11] == number[17]


def taiwan_id(text: str) -> bool:
    """Return whether *text* is a Taiwanese identity number: a county, and a digit modulo 10."""
    number = joined(text)
    values = digits(number[1:], 9)
    county = 10 + TAIWAN.find(number[:1])
    if not values or county < 10 or values[0] not in {1, 2, 8, 9}:
        return False
    total = county // 10 + county % 10 * 9 + weighted(values, (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return total % 10 == 0


def hkid(text: str) -> bool:
    """Return whether *text* is a Hong Kong identity card's number: modulo 11, ten written ``A``."""
    number = joined(text)
    number = number.rjust(9)
    if len(number) != 9 or not number[2:8].isdigit() or not number[:2].strip().isalpha():
        return False
    values = [36 if char == " " else ALPHABET.find(char) for char in number]
    return min(values) >= 0 and weighted(values, range(9, 0, -1)) % 11 == 0


def my_number(text: str) -> bool:
    """Return whether *text* is a Japanese individual number: 12 digits, modulo 11.

    Source: ministerial order 85 of 2014, article 5.
    """
    values = digits(text, 12)
    if not values:
        return False
    rest = weighted(values, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return values[11] == (0 if rest <= 1 else 11 - rest)


def mykad(text: str) -> bool:
    """Return whether *text* is a Malaysian identity number: a day and a place of birth (JPN)."""
    values = digits(text, 12)
    number = joined(text)
    return bool(values) and (
        is_day(int(number[2:4]), int(number[4:6])) and number[6:8] not in {"00", "17", "18", "19"}
    )


def nik(text: str) -> bool:
    """Return whether *text* is an Indonesian NIK: a province, a day (40 added for women)."""
    values = digits(text, 16)
    if not values:
        return False
    number = joined(text)
    return (
        11 <= int(number[:2]) <= 96
        and is_day(int(number[8:10]), int(number[6:8]) % 40)
        and int(number[6:8]) <= 71
        and number[12:] != "0000"
    )


def cccd(text: str) -> bool:
    """Return whether *text* is a Vietnamese citizen's number: 12 digits, a province (137/2015)."""
    values = digits(text, 12)
    return bool(values) and 1 <= int(joined(text)[:3]) <= 96


def cnic(text: str) -> bool:
    """Return whether *text* is a Pakistani CNIC: 13 digits of which the first is a province."""
    values = digits(text, 13)
    return bool(values) and 1 <= values[0] <= 7 and values[12] > 0


def kazakh_iin(text: str) -> bool:
    """Return whether *text* is a Kazakh IIN: a day, a century, a digit modulo 11."""
    values = digits(text, 12)
    if not values or not 1 <= values[6] <= 6:
        return False
    rest = weighted(values[:11], range(1, 12)) % 11
    if rest == 10:
        rest = weighted(values[:11], (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return is_day(values[2] * 10 + values[3], values[4] * 10 + values[5]) and rest == values[11]


INDIA = Entity(
    "pii.national_id.in",
    "An Indian Aadhaar in groups, a PAN, a voter's number; near a word for it a bare Aadhaar.",
    (
        grouped(r"[2-9][0-9]{3}(?: [0-9]{4} |-[0-9]{4}-)[0-9]{4}", FAIR, 12, aadhaar),
        lettered(
            r"[2-9][0-9]{3}:[0-9]{4}:[0-9]{4}",
            FAIR,
            r"[0-9]{4}:[0-9]{4}:[0-9]{4}",
            aadhaar,
            coloned,
        ),
        lettered(r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]", FAIR, r"[A-Z]{5}[0-9]{4}[A-Z]"),
        signed(r"[A-Z]{3}[0-9]{7}", BARE, 7, epic),
        digital(r"[2-9][0-9]{11}", WEAK, 12, aadhaar),
        signed(r"[A-Za-z]{3}[0-9]{7}", WEAK, 7),
        spoken(("pan", "permanent account"), r"[A-Za-z]{5}[0-9]{4}[A-Za-z]", FAIR),
    ),
    near=("aadhaar", "aadhar", "uidai", "आधार", "voter", "vote ", "epic ", "elector"),
)

SINGAPORE = Entity(
    "pii.national_id.sg",
    "A Singaporean NRIC or FIN, surer if its letter is right; else it is one of its series.",
    (
        signed(r"[STFGM][0-9]{7}[A-Z]", SURE, 7, nric),
        signed(r"[STFGM][0-9]{7}[A-Z]", BARE, 7, _singaporean),
    ),
)

THAILAND = Entity(
    "pii.national_id.th",
    "A Thai identity number whose check digit is right, and no barcode or time.",
    (
        digital(
            r"[1-8][0-9]{12}|[1-8][ \-][0-9]{4}[ \-][0-9]{5}[ \-][0-9]{2}[ \-][0-9]",
            BARE,
            13,
            _thai_alone,
        ),
        digital(r"[1-8][0-9]{12}", WEAK, 13, thai_id),
    ),
    near=("ประจำตัวประชาชน", "บัตรประชาชน", "เลขประจำตัว", "thai id", "thai national", "tnin"),
)

KOREA = Entity(
    "pii.national_id.kr",
    "A Korean registration number (RRN, FRN): with its hyphen by its day, else by its check digit.",
    (
        digital(rf"[0-9]{{2}}{MONTH}{DAY}-[1-8][0-9]{{6}}", FAIR, 13, _korean),
        digital(rf"[0-9]{{2}}{MONTH}{DAY}[1-8][0-9]{{6}}", BARE, 13, _korean_alone),
        digital(rf"[0-9]{{2}}{MONTH}{DAY}[1-8][0-9]{{6}}", WEAK, 13, _korean),
    ),
    near=("주민등록", "주민번호", "외국인등록", "rrn", "frn", "resident registration", "korean"),
)

CHINA = Entity(
    "pii.national_id.cn",
    "A Chinese identity number: a province, a day and a check character.",
    (signed(rf"[1-9][0-9]{{5}}{YEAR}{MONTH}{DAY}[0-9]{{3}}[0-9Xx]", SURE, 17, chinese_id),),
)

TAIWANESE = Entity(
    "pii.national_id.tw",
    "A Taiwanese identity or residence number whose check digit is right.",
    (signed(r"[A-Z][1289][0-9]{8}", FAIR, 9, taiwan_id),),
)

HONG_KONG = Entity(
    "pii.national_id.hk",
    "A Hong Kong identity card's number with its brackets, or without them near a word for it.",
    (
        Pattern(r"\b[A-Z]{1,2}[0-9]{6}\([0-9]\)", SURE, guard=apart, digits=7, check=hkid),
        lettered(r"[A-Z]{1,2}[0-9]{6}\(A\)", SURE, r"[0-9]\(A\)", hkid),
        signed(r"[A-Z]{1,2}[0-9]{7}", WEAK, 7, hkid),
    ),
    near=("hkid", "hong kong id", "身份證", "身份证"),
)

JAPAN = Entity(
    "pii.national_id.jp",
    "A Japanese individual number (My Number) whose check digit is right, near a word for it.",
    (
        digital(r"[0-9]{12}", WEAK, 12, my_number),
        grouped(r"[0-9]{4}(?: [0-9]{4} |-[0-9]{4}-)[0-9]{4}", WEAK, 12, my_number),
    ),
    near=("マイナンバー", "個人番号", "my number", "mynumber", "individual number"),
)

MALAYSIA = Entity(
    "pii.national_id.my",
    "A Malaysian identity number with its hyphens, or without them near a word for it.",
    (
        digital(rf"[0-9]{{2}}{MONTH}{DAY}-[0-9]{{2}}-[0-9]{{4}}", FAIR, 12, mykad),
        digital(rf"[0-9]{{2}}{MONTH}{DAY}[0-9]{{6}}", WEAK, 12, mykad),
    ),
    near=("mykad", "nric", "kad pengenalan", "no. kp", "ic number", "ic no"),
)

INDONESIA = Entity(
    "pii.national_id.id",
    "An Indonesian NIK: a province and a day, near a word for it.",
    (digital(rf"[1-9][0-9]{{5}}[0-7][0-9]{MONTH}[0-9]{{6}}", WEAK, 16, nik),),
    near=("nik ", "ktp", "nomor induk", "kependudukan"),
)

VIETNAM = Entity(
    "pii.national_id.vn",
    "A Vietnamese citizen's number: a province, near a word for it.",
    (digital(r"0[0-9]{11}", WEAK, 12, cccd),),
    near=("cccd", "căn cước", "can cuoc", "cmnd", "định danh"),
)

PAKISTAN = Entity(
    "pii.national_id.pk",
    "A Pakistani CNIC with its hyphens, or without them near a word for it.",
    (
        digital(r"[1-7][0-9]{4}-[0-9]{7}-[1-9]", FAIR, 13, cnic),
        digital(r"[1-7][0-9]{11}[1-9]", WEAK, 13, cnic),
    ),
    near=("cnic", "nadra", "nicop", "شناختی"),
)

KAZAKHSTAN = Entity(
    "pii.national_id.kz",
    "A Kazakh IIN: a day, a century and a check digit.",
    (digital(rf"[0-9]{{2}}{MONTH}{DAY}[1-6][0-9]{{5}}", BARE, 12, kazakh_iin),),
)

ASIA = (
    INDIA, SINGAPORE, THAILAND, KOREA, CHINA, TAIWANESE, HONG_KONG, JAPAN, MALAYSIA, INDONESIA,
    VIETNAM, PAKISTAN, KAZAKHSTAN,
)  # fmt: skip

CHECKS: Mapping[str, Callable[[str], bool]] = {
    "aadhaar": aadhaar,
    "cccd": cccd,
    "chinese_id": chinese_id,
    "cnic": cnic,
    "epic": epic,
    "hkid": hkid,
    "kazakh_iin": kazakh_iin,
    "korean_id": korean_id,
    "my_number": my_number,
    "mykad": mykad,
    "nik": nik,
    "nric": nric,
    "taiwan_id": taiwan_id,
    "thai_id": thai_id,
}
"""The validators of this module, by the names that authors use."""
