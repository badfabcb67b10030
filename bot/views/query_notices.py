"""What Prometheus said beside a result: with a warning, what is shown may be only a part."""

from collections.abc import Sequence

from bot.views.markup.spans import Line, join_dots, line
from domain.metrics.samples import QueryNotice
from domain.rich_text import Code
from domain.text import and_more, clip

_MAX_NOTICES = 3
_MAX_LENGTH = 200


def notice_lines(notices: Sequence[QueryNotice]) -> tuple[Line, ...]:
    """The first ones, a line each."""
    more = and_more(len(notices) - _MAX_NOTICES)
    lines = [_line(each) for each in notices[:_MAX_NOTICES]]
    return (*lines[:-1], join_dots(lines[-1], more)) if lines else ()


def _line(notice: QueryNotice) -> Line:
    said = clip(" ".join(notice.text.split()), _MAX_LENGTH)
    # As code: underscores of names would become italics, and addresses links.
    return line(
        "⚠️ This may be incomplete or wrong, Prometheus warns: " if notice.is_warning else "Prometheus remarks: ", Code(said)
    )
