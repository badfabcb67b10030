"""Short ids that people type, such as ``op-k7m2``."""

import base64
import hashlib

MIN_ID_LENGTH, MAX_ID_LENGTH = 4, 16

_READABLE = str.maketrans("lo", "89")
"""People take ``l`` and ``o`` for 1 and 0. They are replaced by 8 and 9, which base 32 does not use."""


def id_candidates(prefix: str, seed: str) -> tuple[str, ...]:
    """Ids derived from a seed, the shortest first. Equal seeds give equal ids, so that a replay finds the id it took before."""
    digits = base64.b32encode(hashlib.sha256(seed.encode()).digest()).decode().lower().translate(_READABLE)
    return tuple(f"{prefix}-{digits[:length]}" for length in range(MIN_ID_LENGTH, MAX_ID_LENGTH + 1))
