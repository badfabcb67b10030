"""JSON text that is equal for equal values."""

import json


def canonical(value: object) -> str:
    """Serialize as JSON with sorted keys and no spaces, so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
