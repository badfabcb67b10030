"""What a person types to find lines: words meant literally, whatever they look like."""

import pytest

from domain.errors import UsageError
from domain.logs.filters import MAX_TERMS, LogFilter, LogTerm, parse_filter
from domain.rich_text import plain_text

LINE = 'ERROR echo.http "POST /api/echo?x=1 HTTP/1.1" 500, host:localhost:8082 {"a": [1]} C:\\temp (a|b)+ Übergröße'


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ([], True),
        (["error"], True),
        (["ÜBERGRÖSSE"], True),
        (["POST /api/echo?x=1"], True),
        (["host:localhost:8082"], True),
        (["{"], True),
        (["C:\\temp"], True),
        (["(a|b)+"], True),
        (["err*"], True),
        (["-debug"], True),
        (["-error"], False),
        (["error", "absent"], False),
        (["error", "-500"], False),
        (["a OR b"], False),
        (["-"], False),
    ],
)
def test_a_line_fits_or_not(words: list[str], *, fits: bool) -> None:
    assert parse_filter(words).matches(LINE) is fits


def test_terms_are_shown_as_they_were_typed() -> None:
    words = ["time*", "no answer", "-debug"]
    assert parse_filter(words) == LogFilter(
        (LogTerm("time", is_prefix=True), LogTerm("no answer"), LogTerm("debug", is_excluded=True))
    )
    assert str(parse_filter(words)) == "time* “no answer” -debug"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["*error"], "“*error” begins with a wildcard, for which every word of the logs would be read."),
        (["?rror"], "begins with a wildcard"),
        (["-*error"], "begins with a wildcard"),
        (["*"], "begins with a wildcard"),
        ([" *x"], "begins with a wildcard"),
        (["er*or"], "A * can only end a word."),
        (["er**"], "A * can only end a word."),
        ([".*"], "Before a * there have to be 2 characters."),
        (["e*"], "Before a * there have to be 2 characters."),
        ([""], "An empty word is in every line."),
        (["x"] * (MAX_TERMS + 1), "At most 10 words are looked for."),
    ],
)
def test_what_would_read_everything_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_filter(words)
    assert said in plain_text(refused.value.sentence)
