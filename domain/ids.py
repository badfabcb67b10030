"""Short names for things that people type: ``op-k7m2``, ``al-p3xd``."""

import base64
import hashlib

MIN_ID_LENGTH, MAX_ID_LENGTH = 4, 16

_READABLE = str.maketrans("lo", "89")
"""``l`` and ``o`` are taken for 1 and 0; base 32 has neither 8 nor 9."""


def id_candidates(prefix: str, seed: str) -> tuple[str, ...]:
    """The names that a source gives, the shortest first. The same source gives the same ones, so that a replay finds its own."""
    digits = base64.b32encode(hashlib.sha256(seed.encode()).digest()).decode().lower().translate(_READABLE)
    return tuple(f"{prefix}-{digits[:length]}" for length in range(MIN_ID_LENGTH, MAX_ID_LENGTH + 1))
