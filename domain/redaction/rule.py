"""One kind of secret, and how it is told from what merely looks like it."""

from dataclasses import dataclass

HIDDEN = r"\xff"
"""The byte that stands for what is masked already; no UTF-8 text has it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Hides what ``hidden`` matches where ``before`` and ``after`` stand around it. All are of RE2's dialect, over bytes.

    ``spares`` matches, as a whole, what is left alone: the text of ``before`` and ``hidden`` together. A rule with neither
    ``before`` nor ``spares`` describes a token that is known by its own shape.
    """

    name: str
    hidden: str
    before: str = ""
    after: str = ""
    spares: str = ""
