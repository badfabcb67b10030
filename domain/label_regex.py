"""Regular expressions on labels, as close to RE2 as the standard library comes: anchored, ASCII classes, never for ever."""

import re
import warnings
from functools import lru_cache

_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]|[*+]|\{\d*,\}|.", re.DOTALL)
_UNBOUNDED_REPETITION = re.compile(r"[*+]|\{\d*,\}")


@lru_cache(maxsize=1024)
def compile_label_regex(text: str) -> re.Pattern[str]:
    """The expression, compiled; use its ``fullmatch``. Raises ``ValueError`` with half a sentence that says what is wrong.

    A repetition of a group that repeats inside is refused: RE2 reads ``(a+)+`` at once, the standard library may take years.
    """
    if _has_nested_repetition(text):
        raise ValueError("a group that repeats holds a repetition, which can take for ever")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            return re.compile(text, re.ASCII)
    except (re.error, ValueError, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(str(error)) from error


def _has_nested_repetition(text: str) -> bool:
    holds = [False]
    closed = False
    for atom in _ATOM.findall(text):
        if atom == "(":
            holds.append(False)
            closed = False
        elif atom == ")" and len(holds) > 1:
            closed = holds.pop()
            holds[-1] |= closed
        elif _UNBOUNDED_REPETITION.fullmatch(atom):
            if closed:
                return True
            holds[-1] = True
        else:
            closed = False
    return False
