"""The command ``audit``: searches the audit log."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import MAX_NAME_WORDS, Command, Router
from domain.answers.answers import AuditAnswer
from domain.errors import UsageError
from domain.facts import Answer
from domain.people import Person, Role
from domain.rich_text import Code, Text, join, sentence
from domain.text import parse_duration

MAX_RECORDS_SHOWN = 30
MAX_LOOKBACK = timedelta(days=3650)
OUTCOME_KEYWORDS = {"approve": "approved", "reject": "rejected", "cancel": "cancel", "denied": "denied", "refused": "refused"}
"""Words of an entry's outcome. Decisions are part of the entries of the operation that they belong to."""

_USER = re.compile(r"@?([UW][A-Z0-9]{2,20})")
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


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """The words that a search understands, made from every command that changes something and every family's ids."""

    actions: Mapping[str, str]
    """How the log names an act, by that name and by the name of the command."""
    ids: re.Pattern[str]

    @classmethod
    def of(cls, commands: Iterable[Command], id_prefixes: Iterable[str]) -> "AuditTerms":
        """``id_prefixes`` like ``op`` for ``op-k7m2``."""
        privileged = [command for command in commands if command.is_privileged]
        actions = {command.audit_action: command.audit_action for command in privileged}
        actions |= {command.name: command.audit_action for command in privileged}
        return cls(actions, re.compile(rf"(?:{'|'.join(map(re.escape, id_prefixes)) or '(?!)'})-[a-z0-9]{{1,40}}"))


def audit_router(commands: Mapping[str, Command], id_prefixes: Iterable[str]) -> Router:
    """The command that reads the log; ``commands`` is read when it is called, so that it knows every one."""
    router = Router()
    prefixes = tuple(id_prefixes)

    @router.command(
        "audit", needs=Role.VIEWER, usage="[who|what|where|since…]", example="audit rollback production 7d", group="Look"
    )
    async def audit_command(request: Request, args: Arguments) -> Answer:
        """Who did what, where, when and why. Say any of: a person, a command, an environment or service, `7d` or a date."""
        return await _answer(request, _parse_search(args, AuditTerms.of(commands.values(), prefixes), request))

    return router


async def _answer(request: Request, search: AuditSearch) -> Answer:
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


def _parse_search(args: Arguments, terms: AuditTerms, request: Request) -> AuditSearch:
    search = AuditSearch()
    for word in _with_long_names(args.positional, terms):
        if word.lower() not in _FILLER_WORDS:
            search = _refine(search, word, args.mentions, terms, request)
    return search


def _with_long_names(words: Sequence[str], terms: AuditTerms) -> Iterator[str]:
    """The words, where several that are a command's name together are one."""
    left = list(words)
    while left:
        counts = range(min(MAX_NAME_WORDS, len(left)), 1, -1)
        count = next((each for each in counts if " ".join(left[:each]).lower() in terms.actions), 1)
        yield " ".join(left[:count])
        left = left[count:]


def _refine(search: AuditSearch, word: str, mentions: Mapping[str, str], terms: AuditTerms, request: Request) -> AuditSearch:
    lowered, catalogue = word.lower(), request.catalogue
    if word in mentions or _USER.fullmatch(word):
        return replace(search, who=mentions.get(word) or word.removeprefix("@"))
    if lowered in terms.actions:
        return replace(search, what=terms.actions[lowered])
    if keyword := _keyword(lowered, terms):
        return replace(search, keyword=keyword)
    if since := _parse_time(lowered, request.at):
        return replace(search, since=since)
    if lowered in (alias for name, entry in catalogue.environments.items() for alias in (name, *entry.aliases)):
        return replace(search, environment=catalogue.environment_named(lowered))
    try:
        return replace(search, service=catalogue.service_named(lowered))
    except UsageError as error:
        commands = ", ".join((*terms.actions, *OUTCOME_KEYWORDS))
        raise UsageError(
            f"“{word[:40]}” is no person, command, id, environment, service or time.",
            sentence(
                *(error.hint, " A person is mentioned with @; a time is ", Code("7d"), " or ", Code("2026-11-20")),
                f"; a command is one of {commands}.",
            ),
        ) from error


def _keyword(word: str, terms: AuditTerms) -> str:
    """What to look for in the text of an entry: an id, an outcome, the family of commands such as `incident`; else empty."""
    if any(action.startswith(f"{word} ") for action in terms.actions):
        return f"{word} "
    return OUTCOME_KEYWORDS.get(word, word if terms.ids.fullmatch(word) else "")


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
