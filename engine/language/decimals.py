"""Two decimals in; their sum, difference, product or quotient out: money stays exact.

The operators of Python round to the 28 digits of the context of the thread that happens to run
them: 10000000000000000000000000000.01 + 0.01 would lose its cents. A request's number has 64 digits
in front of the point and behind it, so a context of its own has room for the product of any four.
Only what has still more digits, such as a third, is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow

DIGITS = 512
EXACT = Context(prec=DIGITS, traps=[DivisionByZero, InvalidOperation, Overflow])

EXACTLY: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": EXACT.add,
    "-": EXACT.subtract,
    "*": EXACT.multiply,
    "/": EXACT.divide,
}
"""By the sign in a policy. Each raises ArithmeticError where there is no such number."""
