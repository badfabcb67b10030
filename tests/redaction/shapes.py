"""Samples of secrets, made from shapes when a test runs: nothing that looks like a secret is stored."""

import random
import re
import string
from dataclasses import dataclass

_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_ALPHABETS = {
    "a": _LOWER + _UPPER + _DIGITS,
    "l": _LOWER + _DIGITS,
    "u": _UPPER + _DIGITS,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "d": _DIGITS,
    "w": _LOWER + _UPPER + _DIGITS + "-_",
    "b": _LOWER + _UPPER + _DIGITS + "+/",
    "p": _LOWER + _UPPER + _DIGITS,
    "c": _LOWER,
}
_PART = re.compile(r"<([aluhHdwbpc])(\d+)>|<(uuid)>")
_UUID = (8, 4, 4, 4, 12)
_SHORTEST_FOUND = 6


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, and the parts of it that nobody may read."""

    text: str
    hidden: tuple[str, ...]

    def leaks(self, shown: str) -> bool:
        """Whether a hidden part, or the last eight characters of one, can still be read."""
        return any(part in shown or part[-8:] in shown for part in self.hidden)


def make_sample(shape: str, seed: str = "") -> Sample:
    """Fill a shape: ``<a20>`` becomes 20 letters and digits, ``<uuid>`` a UUID. The same shape and seed give the same sample.

    Kinds: ``a`` letters and digits, ``l`` lower case, ``u`` upper case, ``h`` hex, ``H`` upper hex, ``d`` digits, ``w`` and
    ``-_``, ``b`` base64, ``p`` a password, ``c`` lower-case letters only.
    """
    chance, hidden = random.Random(f"{shape}{seed}"), []  # noqa: S311 -- samples, not secrets

    def fill(match: re.Match[str]) -> str:
        made = _uuid(chance) if match[3] else _characters(chance, match[1], int(match[2]))
        if len(made) >= _SHORTEST_FOUND:
            hidden.append(made)
        return made

    text = _PART.sub(fill, shape)
    return Sample(text, tuple(hidden))


def _characters(chance: random.Random, kind: str, length: int) -> str:
    made = chance.choices(_ALPHABETS[kind], k=length)
    if kind in "alup" and length > 1:
        made[0], made[1] = chance.choice(_UPPER if kind == "u" else _LOWER), chance.choice(_DIGITS)
    return "".join(made)


def _uuid(chance: random.Random) -> str:
    return "-".join(_characters(chance, "h", length) for length in _UUID)


_DASHES = "-" * 5
PEM_BODY = "\n".join(["<b64>"] * 8)
"""Eight whole lines of a key's body."""


def pem(word: str, kind: str = "") -> str:
    """The first (``BEGIN``) or last line (``END``) of a private key."""
    return f"{_DASHES}{word} {kind} PRIVATE KEY{_DASHES}".replace("  ", " ")
