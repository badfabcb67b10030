"""The command ``audit``: searches the audit log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.answers import Answer, AuditAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import UsageError
from domain.people import Person, Role
from domain.sentences import Code, Text, join, sentence
from domain.text import parse_duration

router = Router()

MAX_RECORDS_SHOWN = 30
MAX_LOOKBACK = timedelta(days=3650)
AUDIT_ACTIONS = ("deploy", "rollback", "restart", "scale", "lock", "unlock")
"""Names of audit entries. Approvals and cancellations are entries of their operation."""

OUTCOME_KEYWORDS = {"approve": "approved", "reject": "rejected", "cancel": "cancel", "denied": "denied", "refused": "refused"}
"""Search words, and the text in an entry's outcome that each one finds."""

_USER = re.compile(r"@?([UW][A-Z0-9]{2,20})")
_OPERATION = re.compile(r"op-[a-z0-9]{1,40}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPAN = re.compile(r"(?:[0-9]+[dhms])+")
_FILLER_WORDS = frozenset({"who", "what", "where", "since", "by", "in"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """Search criteria; an empty one matches everything."""

    who: str = ""
    what: str = ""
    environment: str = ""
    service: str = ""
    keyword: str = ""
    since: datetime | None = None

    @property
    def keywords(self) -> list[str]:
        """Texts to find in any field of an entry."""
        return [keyword for keyword in (self.keyword, self.service if self.environment else "") if keyword]


@router.command("audit", needs=Role.VIEWER, usage="[who|what|where|since…]", example="audit rollback production 7d", group="Look")
async def audit_command(request: Request, args: Arguments) -> Answer:
    """Who did what, where, when and why. Say any of: a person, a command, an environment or service, `7d` or a date."""
    search = _parse_search(args, request.catalogue, request.at)
    request.require(Role.VIEWER, search.environment or None)
    if len(search.keywords) > 1:
        raise UsageError(f"{' and '.join(search.keywords)} are too much for one search.", "Leave one of them out.")
    async with request.services.store.read() as tx:
        records = await tx.audit.search(
            who=search.who,
            what=search.what,
            where=search.environment or search.service,
            since=search.since,
            search_text="".join(search.keywords),
            limit=MAX_RECORDS_SHOWN,
        )
    return AuditAnswer(query=_describe(search), records=records)


def _parse_search(args: Arguments, catalogue: Catalogue, now: datetime) -> AuditSearch:
    search = AuditSearch()
    for word in args.positional:
        if word.lower() not in _FILLER_WORDS:
            search = _refine(search, word, args.mentions, catalogue, now)
    return search


def _refine(search: AuditSearch, word: str, mentions: Mapping[str, str], catalogue: Catalogue, now: datetime) -> AuditSearch:
    lowered = word.lower()
    if word in mentions or _USER.fullmatch(word):
        return replace(search, who=mentions.get(word) or word.removeprefix("@"))
    if lowered in AUDIT_ACTIONS:
        return replace(search, what=lowered)
    if _OPERATION.fullmatch(lowered) or lowered in OUTCOME_KEYWORDS:
        return replace(search, keyword=OUTCOME_KEYWORDS.get(lowered, lowered))
    if since := _parse_time(lowered, now):
        return replace(search, since=since)
    if lowered in (alias for name, entry in catalogue.environments.items() for alias in (name, *entry.aliases)):
        return replace(search, environment=catalogue.environment_named(lowered))
    try:
        return replace(search, service=catalogue.service_named(lowered))
    except UsageError as error:
        commands = ", ".join((*AUDIT_ACTIONS, *OUTCOME_KEYWORDS))
        raise UsageError(
            f"“{word[:40]}” is no person, command, environment, service or time.",
            sentence(
                *(error.hint, " A person is mentioned with @; a time is ", Code("7d"), " or ", Code("2026-11-20")),
                f"; a command is one of {commands}.",
            ),
        ) from error


def _parse_time(word: str, now: datetime) -> datetime | None:
    if _SPAN.fullmatch(word):
        return now - parse_duration(word, MAX_LOOKBACK)
    if not _DATE.fullmatch(word):
        return None
    try:
        return datetime.strptime(word, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"There is no day “{word}”.", sentence("Write it like ", Code("2026-11-20"), ".")) from error


def _describe(search: AuditSearch) -> Text:
    parts: list[Text] = [
        sentence("by ", Person(search.who, "")) if search.who else "",
        search.what,
        f"in {search.environment}" if search.environment else "",
        search.service,
        search.keyword,
        f"since {search.since:%d %b %Y %H:%M} UTC" if search.since else "",
    ]
    return join(" ", [part for part in parts if part]) or "everything"
