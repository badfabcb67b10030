"""How services do right now, for who is about to change them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.catalogue.slo import USUAL_WINDOW
from domain.metrics.slo import Reading, with_unit
from domain.rich_text import Text, sentence
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.readings import IndicatorKey

LOOK_SECONDS = 2.0
"""A preview is not kept waiting for a Prometheus."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
MAX_LINES = 8


async def present_lines(indicators: IndicatorReader, environment: str, services: Sequence[str], at: datetime) -> tuple[Text, ...]:
    """``errors 14.2 % (yesterday 0.3 %)``, one for each indicator with a value; what could not be read is one line."""
    reader, objectives = replace(indicators, answer_seconds=LOOK_SECONDS), indicators.catalogue().slo
    now, yesterday = await asyncio.gather(
        reader.over(environment, USUAL_WINDOW, at, services),
        reader.over(environment, _HOUR, at - _DAY + _HOUR / 2, services),
    )
    known = [
        _line(key, reading, yesterday.get(key), objectives[key[0]].unit)
        for key, reading in now.items()
        if reading.value is not None
    ]
    problems = dict.fromkeys(reading.problem for reading in now.values() if reading.problem)
    return (*known[:MAX_LINES], *(sentence("not everything is known: ", problem) for problem in problems))


def _line(key: IndicatorKey, now: Reading, before: Reading | None, unit: str) -> str:
    name, service = key
    was = f" (yesterday {with_unit(before.value, unit)})" if before is not None and before.value is not None else ""
    return f"{name}{f' of {service}' if service else ''} {with_unit(now.value or 0.0, unit)}{was}"
