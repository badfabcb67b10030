"""One believable answer of each kind about logs."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.answers import WholeAnswer
from domain.answers.logs import LogPatternsAnswer, LogsAnswer
from domain.logs.filters import LogFilter, LogTerm
from domain.logs.follows import LogFollow
from domain.logs.lines import LogLine, LogPage
from domain.logs.patterns import patterns_of
from tests.harness.families import Fact
from tests.harness.samples.operations import ANA, NOW

_PODS = ("deep-echo-main-7c9f8b6d5-x2k4m", "deep-echo-main-7c9f8b6d5-p9q7z")
_TEXTS = (
    'INFO echo.http 10.1.3.44 "GET /api/status HTTP/1.1" 200 {n}ms',
    "INFO echo.session session s-{n}4f1 restored from cache in {n}ms",
    "ERROR echo.cognitive no answer from the model within {n}00ms for thought t-{n}c2",
    'INFO echo.http 10.1.3.44 "POST /api/echo HTTP/1.1" 500 {n}ms',
)
LINES = tuple(
    LogLine(NOW - timedelta(seconds=840 - 11 * number), _TEXTS[number * number % 7 % 4].format(n=number), _PODS[number % 2])
    for number in range(70)
)
_ABOUT = {"environment": "production", "service": "deep-echo-main", "since": NOW - timedelta(minutes=15), "until": NOW}
_PAGE = LogPage(source="the log server", lines=LINES, total=10_000, is_at_least=True)
_LONG = LogLine(NOW, f"ERROR echo.store {'could not write a very long row of the table of sessions, ' * 12}", _PODS[0])
_FOLLOW = LogFollow(
    id="log-follow/1",
    person=ANA,
    environment="production",
    service="deep-echo-main",
    filter=LogFilter((LogTerm("time", is_prefix=True), LogTerm("no answer"), LogTerm("debug", is_excluded=True))),
    since=NOW,
    until=NOW + timedelta(seconds=60),
    read_at=NOW,
)
LOG_GALLERY: dict[str, Fact] = {
    "the whole of an answer": WholeAnswer(title="📜 deep-echo-main in production: 70 lines", text="one line\n" * 70),
    "logs": LogsAnswer(**_ABOUT, words="", page=_PAGE, patterns=patterns_of(LINES)),  # type: ignore[arg-type]
    "logs from pods": LogsAnswer(
        **_ABOUT,  # type: ignore[arg-type]
        words="no answer",
        page=LogPage(
            source="2 pods",
            lines=(LINES[2], _LONG),
            total=2,
            notes=(
                "The log server did not answer within 5 s. These lines are from the pods, which keep only the newest ones.",
                "One pod could not be read: container “main-app” in pod “deep-echo-main-7c9f8b6d5-x2k4m” is waiting to start.",
            ),
        ),
        patterns=patterns_of((LINES[2], _LONG)),
        note="What comes now is in a direct message, for 1 min.",
    ),
    "no logs": LogsAnswer(**_ABOUT, words="time*", page=LogPage(source="the log server")),  # type: ignore[arg-type]
    "logs not known": LogsAnswer(
        **_ABOUT,  # type: ignore[arg-type]
        words="",
        problem="The log server did not answer within 7 s. The cluster did not answer within 4 s.",
    ),
    "log patterns": LogPatternsAnswer(
        **_ABOUT,  # type: ignore[arg-type]
        words="",
        page=_PAGE,
        patterns=patterns_of(LINES, LINES[:2]),
        is_compared=True,
    ),
    "log patterns not known": LogPatternsAnswer(**_ABOUT, words="", problem="The cluster did not answer within 4 s."),  # type: ignore[arg-type]
    "logs followed": replace(_FOLLOW, lines=LINES[-15:], total=212),
    "logs followed, nothing yet": replace(_FOLLOW, problem="The log server did not answer within 5 s."),
    "logs followed to the end": replace(_FOLLOW, lines=LINES[-3:], total=3, is_over=True),
    "logs followed no more": replace(_FOLLOW, is_over=True, was_replaced=True),
}
