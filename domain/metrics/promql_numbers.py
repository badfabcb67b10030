"""Numbers of PromQL, and arithmetic between them: ``0.9 * 1000``, ``86400 * 7``, ``-(2 ^ 10)``. Pure."""

import math
import operator
import re
from collections.abc import Callable, Iterable

_DIGITS = r"\d+(?:_\d+)*"
_DECIMAL = re.compile(rf"(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")
_OCTAL = re.compile(r"0(?:_?[0-7])+")
_NAMED_NUMBERS = {"inf": math.inf, "nan": math.nan}
_DURATION = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?(?:(?P<ms>\d+)ms)?",
    re.ASCII,
)
_UNIT_SECONDS = {"y": 365 * 86_400.0, "w": 7 * 86_400.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_MAX_DURATION_SECONDS = 2**63 / 1e9
"""Seconds. Go counts nanoseconds in 64 bits, and Prometheus rejects a longer duration."""

_BINARY: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
    "%": (2, math.fmod),
    "atan2": (2, math.atan2),
    "^": (3, math.pow),
}
"""Precedence and meaning of PromQL's arithmetic. ``^`` is grouped from the right, the others from the left."""
_SIGN_PRECEDENCE = 2
"""``-2 ^ 2`` is -4, and ``-2 * 3`` is ``(-2) * 3``."""
_OPENING = "("
_SIGNS = {"+": "plus", "-": "minus"}


def constant_of(tokens: Iterable[str]) -> float | None:
    """The value of tokens that are numbers, signs, arithmetic and parentheses, and nothing else.

    None for all else, NaN where the arithmetic has no result, such as ``1 / 0``. The time is proportional to the length.
    """
    calculation = _Calculation()
    return calculation.result() if all(map(calculation.take, tokens)) else None


class _Calculation:
    """Operator precedence with two stacks and no recursion: an expression may have ten thousand parentheses."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._pending: list[str] = []
        self._expects_value = True

    def take(self, text: str) -> bool:
        """Take the next token. False if it cannot stand there."""
        return self._take_value(text) if self._expects_value else self._take_operator(text.lower())

    def result(self) -> float | None:
        """The value of all tokens; None if something is missing."""
        if self._expects_value:
            return None
        self._apply(min_precedence=0)
        return None if self._pending else self._values[0]

    def _take_value(self, text: str) -> bool:
        if text == _OPENING or text in _SIGNS:
            self._pending.append(_SIGNS.get(text, text))
            return True
        value = _parse_literal(text)
        if value is None:
            return False
        self._values.append(value)
        self._expects_value = False
        return True

    def _take_operator(self, text: str) -> bool:
        if text == ")":
            self._apply(min_precedence=0)
            return bool(self._pending) and self._pending.pop() == _OPENING
        if text not in _BINARY:
            return False
        self._apply(min_precedence=_BINARY[text][0] + (text == "^"))
        self._pending.append(text)
        self._expects_value = True
        return True

    def _apply(self, *, min_precedence: int) -> None:
        """Apply the pending operators that bind at least so closely, back to the last open parenthesis."""
        while self._pending and self._pending[-1] != _OPENING and _precedence(self._pending[-1]) >= min_precedence:
            name, right = self._pending.pop(), self._values.pop()
            if name in _BINARY:
                self._values.append(_compute(name, self._values.pop(), right))
            else:
                self._values.append(-right if name == "minus" else right)


def _precedence(name: str) -> int:
    return _BINARY[name][0] if name in _BINARY else _SIGN_PRECEDENCE


def _compute(name: str, left: float, right: float) -> float:
    try:
        return _BINARY[name][1](left, right)
    except (ArithmeticError, ValueError):
        return math.nan


def _parse_literal(text: str) -> float | None:
    """Parse a number of PromQL. ``010`` is octal as in Go; ``5m`` is a number of seconds since Prometheus 3."""
    if text.lower() in _NAMED_NUMBERS:
        return _NAMED_NUMBERS[text.lower()]
    digits = text.replace("_", "")
    if _HEXADECIMAL.fullmatch(text):
        return _of_64_bits(int(digits, 16))
    if _OCTAL.fullmatch(text) and (octal := _of_64_bits(int(digits, 8))) is not None:
        return octal
    if _DECIMAL.fullmatch(text):
        return _finite(float(digits))
    duration = _DURATION.fullmatch(text)
    if duration and text:
        seconds = sum(float(number) * _UNIT_SECONDS[unit] for unit, number in duration.groupdict().items() if number)
        return seconds if seconds < _MAX_DURATION_SECONDS else None
    return None


def _of_64_bits(number: int) -> float | None:
    """None beyond 64 bits: Go rejects a larger hexadecimal number, and reads a larger octal one as decimal."""
    return float(number) if number.bit_length() < 64 else None


def _finite(number: float) -> float | None:
    """None for an infinite number, such as 1e400, which Prometheus rejects."""
    return None if math.isinf(number) else number
