"""Prints recall and false masks; ends with 1 where one is worse than it may be. ``-v`` lists what was missed and spoiled."""

import sys

from tests.redaction import held_out, lines, tokens
from tests.redaction.measure import MAX_SPOILED, MIN_RECALL, Recall, recall_of, spoiled
from tests.redaction.ordinary import COUNT, ordinary_lines


def main(*, verbose: bool) -> int:
    """Measure, print, judge."""
    aimed_at = recall_of(tokens.TOKENS, lines.LINES)
    unseen = recall_of(held_out.TOKENS, held_out.LINES)
    in_vain = spoiled(ordinary_lines())
    print(_line("recall", aimed_at))  # noqa: T201 -- the figures are the point
    print(_line("recall, shapes held out", unseen))  # noqa: T201
    print(f"{'false masks':<26} {len(in_vain):6} of {COUNT:,} ordinary lines   limit {MAX_SPOILED}")  # noqa: T201
    if verbose:
        print(*aimed_at.missed, *unseen.missed, *(f"{line}\n  {shown}" for line, shown in in_vain), sep="\n")  # noqa: T201
    return int(min(aimed_at.share, unseen.share) < MIN_RECALL or len(in_vain) > MAX_SPOILED)


def _line(name: str, recall: Recall) -> str:
    return f"{name:<26} {recall.share:6.1%} of {recall.shapes} shapes   limit {MIN_RECALL:.0%}"


if __name__ == "__main__":
    sys.exit(main(verbose="-v" in sys.argv))
