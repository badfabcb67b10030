"""Pages as tests send them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.paging.ways import PageAction, PageMessage
from domain.severities import Severity

RAISED_AT = datetime(2026, 11, 27, 3, 5, tzinfo=UTC)


def page_message(key: str = "inc-k7m2/1", **changes: Any) -> PageMessage:
    """A P1 page about a service, with what a test wants otherwise."""
    message = PageMessage(
        page_id="pg-k7m2",
        dedup_key=key,
        severity=Severity.P1,
        title="deep-echo-main: many errors in production",
        lines=("12 % of requests fail since 03:02 UTC", "Suspect: deploy of main-bad5eed by ana, 03:00 UTC"),
        link="https://deep-echo.slack.com/archives/C0CRITICA4/p1",
        source="deep-echo-main",
        raised_at=RAISED_AT,
    )
    return replace(message, **changes)


def acknowledged(message: PageMessage) -> PageMessage:
    """The same page, acknowledged."""
    return replace(message, action=PageAction.ACKNOWLEDGE)


def resolved(message: PageMessage) -> PageMessage:
    """The same page, over."""
    return replace(message, action=PageAction.RESOLVE)
