"""Redaction of the tail of a pod's log: microseconds for twenty lines that nobody has seen before."""

import time
from pathlib import Path

from domain.redaction import redact
from tests.bench.results import Result
from tests.redaction.ordinary import ordinary_lines

LINES = 20
TAILS = 300
MAX_MICROSECONDS = 1_000.0


async def redaction(_folder: Path) -> list[Result]:
    """The mean over many tails, in CPU time: each is new, as in life."""
    lines = list(ordinary_lines(LINES * TAILS * 2))
    tails = ["\n".join(lines[start : start + LINES]) for start in range(0, len(lines), LINES)]
    for tail in tails[:TAILS]:
        redact(tail)
    start = time.process_time()
    for tail in tails[TAILS:]:
        redact(tail)
    took = (time.process_time() - start) / TAILS * 1e6
    return [Result("redaction of a 20-line log, microseconds", round(took, 1), MAX_MICROSECONDS, 0.0, TAILS)]
