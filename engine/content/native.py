"""The integers that compiled code holds in a word of the machine: to Python, they are integers.

``native.pyi`` tells mypyc so. None may leave -2**63 .. 2**63 - 1: compiled, it would wrap around.
"""

from __future__ import annotations

i64 = int
