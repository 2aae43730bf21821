"""Checks of addresses of cryptocurrencies: Base58Check, bech32, and Ethereum's.

Bitcoin and its kin write a hash in base 58 with four bytes of a double SHA-256 behind it
(Base58Check), or in base 32 with a BCH code (BIP 173, BIP 350). Ethereum writes 20 bytes in
hexadecimal digits, whose case may carry a check (EIP-55).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32_CHECKS = frozenset({1, 0x2BC830A3})
"""What the code leaves: bech32 (BIP 173) and bech32m (BIP 350)."""
BECH32_POWERS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
LONGEST_BASE58 = 35
LONGEST_BECH32 = 108
"""Of Cardano; those of Bitcoin have at most 90 characters."""
HASHED = 25
"""Bytes of a version, a hash of 20 bytes and a check of four."""

_base58 = {char: value for value, char in enumerate(BASE58)}
_ripple = {char: value for value, char in enumerate(RIPPLE)}
_bech32 = {char: value for value, char in enumerate(BECH32)}
_ethereum = re.compile(r"0x[0-9a-fA-F]{40}")

ROUNDS = 24
LANES = 25
MASK = (1 << 64) - 1
RATE = 136
"""Bytes that Keccak-256 takes in at a time."""


VERSIONS = frozenset({0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x4C, 0x10, 0x41})
"""First bytes of addresses of Bitcoin, Litecoin, Dogecoin, Dash and Tron."""


def wallet(text: str) -> bool:
    """Return whether *text* is an address in base 58 of Bitcoin, its kin, Tron or Ripple."""
    if text[:1] == "r":
        return _base58check(text, _ripple) == 0
    return _base58check(text, _base58) in VERSIONS


def _base58check(text: str, values: Mapping[str, int]) -> int:
    """Return the first of the 25 bytes that *text* is, -1 when the last four do not check them."""
    if len(text) > LONGEST_BASE58:
        return -1
    number = 0
    for char in text:
        value = values.get(char)
        if value is None:
            return -1
        number = number * 58 + value
    if number >> 8 * HASHED:
        return -1
    data = number.to_bytes(HASHED, "big")
    check = hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4]
    return data[0] if check == data[-4:] else -1


def bech32(text: str) -> bool:
    """Return whether *text* is a bech32 or bech32m code, in one case, whose check is right."""
    if len(text) > LONGEST_BECH32 or text not in (text.lower(), text.upper()):
        return False
    prefix, one, data = text.lower().rpartition("1")
    values = [_bech32.get(char, -1) for char in data]
    if not one or not prefix or len(values) < 6 or min(values) < 0:  # noqa: PLR2004 - the check
        return False
    state = 1
    expanded = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    for value in (*expanded, *values):
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, power in enumerate(BECH32_POWERS):
            if top >> bit & 1:
                state ^= power
    return state in BECH32_CHECKS


def bitcoin(text: str) -> bool:
    """Return whether *text* is a Bitcoin address: Base58Check (1…, 3…), or bech32 (bc1…)."""
    if text[:3].lower() == "bc1":
        return bech32(text)
    return text[:1] in ("1", "3") and wallet(text)


def stellar(text: str) -> bool:
    """Return whether *text* is a Stellar account: 35 bytes in base 32, CRC-16 last (SEP-23)."""
    try:
        data = base64.b32decode(text)
    except ValueError:
        return False
    return data[0] == 6 << 3 and binascii.crc_hqx(data[:-2], 0) == int.from_bytes(
        data[-2:], "little"
    )


def ethereum(text: str) -> bool:
    """Return whether *text* is an Ethereum address; in mixed case, its case must check (EIP-55)."""
    if _ethereum.fullmatch(text) is None:
        return False
    digits = text[2:]
    if digits in (digits.lower(), digits.upper()):
        return len(set(digits)) > 1
    nibbles = keccak256(digits.lower().encode()).hex()
    return all(
        char == (char.upper() if int(nibble, 16) > 7 else char.lower())  # noqa: PLR2004 - its high bit
        for char, nibble in zip(digits, nibbles, strict=False)
    )


def keccak256(data: bytes) -> bytes:
    """Return the Keccak-256 hash of *data* as Ethereum uses it: SHA-3 (FIPS 202), padded with 1."""
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % RATE))
    padded[-1] |= 0x80
    lanes = [0] * LANES
    for start in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            at = start + lane * 8
            lanes[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """Return the 25 *lanes*, ``lanes[x + 5 * y]``, after the 24 rounds of Keccak-f[1600]."""
    register = 1
    for _ in range(ROUNDS):
        columns = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        mixed = [columns[x - 1] ^ _turned(columns[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ mixed[place % 5] for place, lane in enumerate(lanes)]
        moved = [lanes[0]] * LANES
        x, y = 1, 0
        for step in range(ROUNDS):
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = _turned(
                lanes[x + 5 * y], (step + 1) * (step + 2) // 2 % 64
            )
            x, y = y, (2 * x + 3 * y) % 5
        lanes = [
            lane
            ^ (
                ~moved[place - place % 5 + (place + 1) % 5]
                & moved[place - place % 5 + (place + 2) % 5]
            )
            for place, lane in enumerate(moved)
        ]
        for power in range(7):
            if register & 1:
                lanes[0] ^= 1 << (1 << power) - 1
            register = register << 1 ^ (register >> 7) * 0x171
    return lanes


def _turned(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & MASK
