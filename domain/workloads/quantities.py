"""Quantities of Kubernetes: ``250m`` of a processor, ``512Mi`` of memory. Pure."""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)")
_FACTORS = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
_FACTORS |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
_FACTORS |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}
_GIB, _MIB = 2**30, 2**20


def parse_quantity(text: str) -> float | None:
    """The number that a quantity means, in processors, bytes or pieces; None for what is none."""
    found = _QUANTITY.fullmatch(text.strip()[:64])
    if found is None:
        return None
    number, exponent, unit = found.groups()
    return float(Decimal(f"{number}{exponent or ''}") * _FACTORS.get(unit or "", Decimal(1)))


def cpu_text(processors: float) -> str:
    """``250m`` below one processor, else ``1.5``."""
    return f"{processors * 1000:.0f}m" if processors < 1 else f"{processors:.3g}"


def memory_text(size: float) -> str:
    """``512 MiB``, ``1.5 GiB``."""
    return f"{size / _GIB:.3g} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
