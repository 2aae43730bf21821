"""Codes of banks, vehicles, devices, documents and wallets: what their checks accept."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from engine.content import codes, wallets

PASSPORT = (
    "P<UTOLINDQVIST<<MAJA<ELIN<<<<<<<<<<<<<<<<<<<\nX7719020K7UTO8402138F3106305<<<<<<<<<<<<<<08"
)
VISA = "V<UTOLINDQVIST<<MAJA<ELIN<<<<<<<<<<<<<<<<<<<\nV5500123<1UTO8402138F3106305ABC123<<<<<<<<<<"
WIDE_CARD = "I<UTOLINDQVIST<<MAJA<ELIN<<<<<<<<<<<\nD4410882<4UTO8402138F3106305<<<<<<<4"
CARD = (
    "I<UTOK881002748<<<<<<<<<<<<<<<\n8402138F3106305UTO<<<<<<<<<<<6\nLINDQVIST<<MAJA<ELIN<<<<<<<<<<"
)
LONG_CARD = (
    "I<UTOK88100274<150<<<<<<<<<<<<\n8402138F3106305UTO<<<<<<<<<<<8\nLINDQVIST<<MAJA<ELIN<<<<<<<<<<"
)
ZONES = (PASSPORT, VISA, WIDE_CARD, CARD, LONG_CARD)

WALLETS = (
    "1Ka1h9jxVLXoLsTVzoGe4BQh66cwzYMX1", "321awEeBWPeutWZtd6Ts4gYLqcPLZ3S5QW",
    "LKYXGuTa39ab49Zcg8nZv5FAuJTu2YtMVP", "M8DjF849TWWLh1qniyTCtKnkAJynV4Hie5",
    "D5TfYx6PFuEpLM44EanqBpM1aDpvEkjrZy", "Xb1QqwodvCZ7xHU3Mt7VVasCXRgJwRh6g9",
    "TAHn1kXU7DTUxWw66GSzACsYbsqwBkvStz", "rK2r69jxVLXoL1TVzoGehBQ6aacAzYMXr",
)  # fmt: skip
SEGWIT = "bc1qqwpsk4nhvaln4gdzhcjcrm954nxeg2kwx2gkzy"
TAPROOT = "bc1pw2wdslrr99qgu2alag8zq42qf9548xpj4uf8ww643t9xyhxvjpqsjgpncr"
COSMOS = "cosmos1qwpsk4nhvaln4gdzhcjcrm954nxeg2kwsskaxf"
STELLAR = "GBJF5SQ5KCE5XXF3M4ANSEGF4C6CH65KEPXAE3AOEJGCWRKJBZPSTEIR"
ETHEREUM = "0x03830b5677677F3Aa1A2be2581ecB4aCcd942ace"


def spoiled(text: str, at: int) -> str:
    """Return *text* with another character of its kind at *at*."""
    old = text[at]
    new = next(one for one in ("7", "8") if one != old) if old.isdigit() else "K"
    return text[:at] + new + text[at + 1 :]


@pytest.mark.parametrize("zone", ZONES)
def test_zones_of_documents_are_checked_digit_by_digit(zone: str) -> None:
    assert codes.mrz(zone)
    assert codes.mrz(zone.replace("\n", "\r\n"))
    number = zone.index("UTO", 6) - 3 if zone not in {CARD, LONG_CARD} else 8
    birth = zone.index("840213") + 3
    expiry = zone.index("310630") + 3
    for place in (number, birth, expiry):
        assert not codes.mrz(spoiled(zone, place))


@pytest.mark.parametrize(
    "text",
    ["", "P<UTO", PASSPORT[:-1], CARD.replace("\n", " X\n"), PASSPORT.lower(), f"{PASSPORT}\nX",
     WIDE_CARD[:-1] + "5", PASSPORT[:-1] + "9", CARD[:-33] + "7\n" + CARD[-30:],
     PASSPORT[:44] + "\n" + PASSPORT[45:81]],
)  # fmt: skip
def test_other_lines_are_no_zone(text: str) -> None:
    assert not codes.mrz(text)


def test_the_ninth_character_of_a_vehicle_checks_the_others_and_may_be_x() -> None:
    assert codes.vin("LSGJA52U7AH012345")
    assert codes.vin("wvwzzz1j0xw000001")
    assert not codes.vin("LSGJA52U8AH012345")
    assert codes.vin("LSGJA52UXAH011013")
    assert not codes.vin("LSGJA52U0AH011013")


@pytest.mark.parametrize("text", ["LSGJA52U7AH01234", "LSGJA52U7AO012345", "12345678901234567", ""])
def test_other_shapes_are_no_vehicle(text: str) -> None:
    assert not codes.vin(text)


@pytest.mark.parametrize("address", WALLETS)
def test_wallets_are_checked_by_their_last_bytes(address: str) -> None:
    assert wallets.wallet(address)
    assert not any(wallets.wallet(spoiled(address, place)) for place in (5, 12, len(address) - 1))


def test_bitcoin_is_base58_or_bech32() -> None:
    assert all(map(wallets.bitcoin, (*WALLETS[:2], SEGWIT, TAPROOT, SEGWIT.upper())))
    assert not any(map(wallets.bitcoin, (*WALLETS[2:], COSMOS, "", "1", "bc1", "1" * 40)))
    assert not wallets.wallet("z" * 35)
    assert not wallets.wallet(WALLETS[0].replace("K", "0"))


@pytest.mark.parametrize(
    "text",
    [SEGWIT[:-1] + "q", SEGWIT.capitalize(), "1qqqqqqq", "bc1qqqqq", "bc1" + "b" * 30,
     "noone", "bc1" + "q" * 120],
)  # fmt: skip
def test_other_texts_are_no_bech32(text: str) -> None:
    assert not wallets.bech32(text)


def test_stellar_accounts_carry_a_checksum() -> None:
    assert wallets.stellar(STELLAR)
    assert not wallets.stellar(spoiled(STELLAR, 20))
    assert not wallets.stellar("GA")
    assert not wallets.stellar("A" * 56)


def test_ethereum_checks_the_case_where_it_is_mixed() -> None:
    assert wallets.ethereum(ETHEREUM)
    assert wallets.ethereum(ETHEREUM.lower())
    assert wallets.ethereum("0x" + ETHEREUM[2:].upper())
    for one, other in pairwise(range(6, 42)):
        pair = ETHEREUM[one : other + 1]
        if pair != pair.swapcase():
            assert not wallets.ethereum(ETHEREUM[:one] + pair.swapcase() + ETHEREUM[other + 1 :])
    assert not wallets.ethereum("0x" + "0" * 40)
    assert not wallets.ethereum(ETHEREUM[:-1])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_gives_the_published_digests(data: bytes, digest: str) -> None:
    assert wallets.keccak256(data).hex() == digest


def test_keccak_takes_any_length() -> None:
    source = random.Random(4)  # noqa: S311 - texts, no secrets
    sizes = (1, 134, 135, 136, 137, 272, 300)
    digests = {wallets.keccak256(source.randbytes(size)) for size in sizes}
    assert len(digests) == len(sizes)
    assert {len(one) for one in digests} == {32}
