"""The integers that compiled code holds in a word or byte of the machine: to Python, integers.

``native.pyi`` tells mypyc so. None may leave -2**63 .. 2**63 - 1, none of `u8` 0 .. 255: compiled,
it would wrap around.
"""

from __future__ import annotations

i64 = int
u8 = int
