"""Read the audit log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from commands.core.arguments import Words
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.answers import Answer, AuditAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import UsageError
from domain.people import Role
from domain.text import parse_span

router = Router()

MOST_SHOWN = 30
LONGEST = timedelta(days=3650)
WHAT = ("deploy", "rollback", "restart", "scale", "lock", "unlock")
"""What the log's entries are called; approvals and cancellations are entries of the operation they belong to."""

EVENTS = {"approve": "approved", "reject": "rejected", "cancel": "cancel", "denied": "denied", "refused": "refused"}
"""Words that stand in what an entry says of its end."""

_USER = re.compile(r"@?([UW][A-Z0-9]{2,20})")
_OPERATION = re.compile(r"op-[a-z0-9]{1,40}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPAN = re.compile(r"(?:[0-9]+[dhms])+")
_SAID_BEFORE = frozenset({"who", "what", "where", "since", "by", "in"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; empty where it does not matter."""

    who: str = ""
    what: str = ""
    environment: str = ""
    service: str = ""
    word: str = ""
    since: datetime | None = None

    @property
    def words(self) -> list[str]:
        """What is looked for in any of an entry's fields."""
        return [each for each in (self.word, self.service if self.environment else "") if each]


@router.command("audit", needs=Role.VIEWER, usage="[who|what|where|since…]", example="audit rollback production 7d", group="Look")
async def audit_command(request: Request, words: Words) -> Answer:
    """Who did what, where, when and why. Say any of: a person, a command, an environment or service, `7d` or a date."""
    search = _search(words, request.catalogue, request.at)
    request.require(Role.VIEWER, search.environment or None)
    if len(search.words) > 1:
        raise UsageError(f"{' and '.join(search.words)} are too much for one search.", "Leave one of them out.")
    async with request.services.store.read() as tx:
        records = await tx.audit.search(
            who=search.who,
            what=search.what,
            where=search.environment or search.service,
            since=search.since,
            word="".join(search.words),
            limit=MOST_SHOWN,
        )
    return AuditAnswer(asked=_asked(search), records=records)


def _search(words: Words, catalogue: Catalogue, now: datetime) -> Search:
    search = Search()
    for word in words.arguments:
        if word.lower() not in _SAID_BEFORE:
            search = _narrowed(search, word, words.people, catalogue, now)
    return search


def _narrowed(search: Search, word: str, people: Mapping[str, str], catalogue: Catalogue, now: datetime) -> Search:
    plain = word.lower()
    if word in people or _USER.fullmatch(word):
        return replace(search, who=people.get(word) or word.removeprefix("@"))
    if plain in WHAT:
        return replace(search, what=plain)
    if _OPERATION.fullmatch(plain) or plain in EVENTS:
        return replace(search, word=EVENTS.get(plain, plain))
    if since := _time(plain, now):
        return replace(search, since=since)
    if plain in (each for name, entry in catalogue.environments.items() for each in (name, *entry.aliases)):
        return replace(search, environment=catalogue.environment_named(plain))
    try:
        return replace(search, service=catalogue.service_named(plain))
    except UsageError as error:
        commands = ", ".join((*WHAT, *EVENTS))
        raise UsageError(
            f"“{word[:40]}” is no person, command, environment, service or time.",
            f"{error.hint} A person is mentioned with @; a time is `7d` or `2026-11-20`; a command is one of {commands}.",
        ) from error


def _time(word: str, now: datetime) -> datetime | None:
    if _SPAN.fullmatch(word):
        return now - parse_span(word, LONGEST)
    if not _DATE.fullmatch(word):
        return None
    try:
        return datetime.strptime(word, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"There is no day “{word}”.", "Write it like `2026-11-20`.") from error


def _asked(search: Search) -> str:
    parts = [
        f"by <@{search.who}>" if search.who else "",
        search.what,
        f"in {search.environment}" if search.environment else "",
        search.service,
        search.word,
        f"since {search.since:%d %b %Y %H:%M} UTC" if search.since else "",
    ]
    return " ".join(part for part in parts if part) or "everything"
