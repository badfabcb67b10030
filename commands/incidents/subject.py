"""Which incident a command means: the one that it names, else that of the channel, else one of the last five."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from commands.core.arguments import Arguments
from commands.core.ids import parse_id
from commands.core.quoting import quote
from commands.core.request import Request
from domain.answers.incidents import IncidentChoice, IncidentChoices
from domain.errors import NotFound, Refused
from domain.facts import Answer
from domain.incidents.incident import Incident
from domain.incidents.visibility import may_see
from domain.people import Role
from domain.rich_text import CommandMention, sentence
from runbooks.incidents.service import IncidentRequest, IncidentService, IncidentTransition

MAX_CHOICES = 5
INCIDENT_ID = re.compile(r"inc-[a-z0-9]{1,40}")

Run = Callable[[Incident, str], Awaitable[Answer]]
"""Does the command for an incident, with the words that follow its id."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a command: the id that it begins with, in lower case, or empty; and the others."""

    incident_id: str
    others: tuple[str, ...]

    @property
    def text(self) -> str:
        """The other words as one text."""
        return " ".join(self.others)


def split_words(args: Arguments) -> Words:
    """Take the incident's id from the words: their first, or the value of ``--incident``, or both if they are the same."""
    first = args[0].lower()
    if args.flags.get("incident"):
        named = parse_incident_id(args.flags["incident"])
        return Words(named, args.positional[1:] if first == named else args.positional)
    if INCIDENT_ID.fullmatch(first):
        return Words(first, args.positional[1:])
    return Words("", args.positional)


def parse_incident_id(word: str) -> str:
    """Parse an incident's id: ``inc-x4k2``, ``INC-X4K2`` and ``x4k2`` are the same. Raises ``UsageError``."""
    return parse_id(word, "inc-x4k2", "an incident's", "incident list")


async def with_incident(request: Request, args: Arguments, command: str, role: Role, run: Run) -> Answer:
    """Find the incident, require the role in its environment, and do it. Without an incident, offer the last ones.

    Raises ``NotFound`` for one that the person may not see, as for one that does not exist.
    """
    return await with_words(request, split_words(args), command, role, run)


async def with_words(request: Request, words: Words, command: str, role: Role, run: Run) -> Answer:
    """As ``with_incident``, of words that are split already."""
    incident = await _named_or_of_channel(request, words)
    if incident is None:
        return await _choices(request, command, words)
    require_role(request, incident, role)
    return await run(incident, words.text)


def require_role(request: Request, incident: Incident, role: Role) -> None:
    """Raise ``Denied`` if the person lacks the role where the incident is; whoever takes part in a security one may act."""
    if incident.security and may_see(request.member, incident, request.catalogue):
        return
    request.require(role, incident.environment if incident.environment in request.catalogue.environments else None)


async def require_alert_role(request: Request, subject: str, role: Role) -> None:
    """Raise ``Denied`` if the person lacks the role where the alert group is: what is linked calls nobody by itself any more."""
    async with request.services.store.read() as tx:
        group = await tx.alerts.get(subject)
    if group is not None:
        request.require(role, group.environment if group.environment in request.catalogue.environments else None)


async def visible_incident(request: Request, incident_id: str) -> Incident:
    """Read an incident. Raises ``NotFound`` if there is none, or none that the person may see."""
    incident = await request.services.of(IncidentService).find(incident_id)
    if not may_see(request.member, incident, request.catalogue):
        raise NotFound(sentence(f"There is no incident {incident_id}. ", CommandMention("incident list"), " lists them."))
    return incident


async def visible_incidents(request: Request, limit: int) -> tuple[Incident, ...]:
    """The newest incidents that the person may see, open ones first."""
    latest = await request.services.of(IncidentService).latest(limit * 3)
    return tuple(each for each in latest if may_see(request.member, each, request.catalogue))[:limit]


async def apply(request: Request, incident: Incident, transition: IncidentTransition) -> Incident:
    """Apply a transition as the person who asks for it."""
    return await request.services.of(IncidentService).apply(incident_request(request, incident), transition)


def incident_request(request: Request, incident: Incident) -> IncidentRequest:
    """The request as the service takes it."""
    return IncidentRequest(incident_id=incident.id, by=request.member, source=request.key)


async def _named_or_of_channel(request: Request, words: Words) -> Incident | None:
    if words.incident_id:
        return await visible_incident(request, words.incident_id)
    incident = await request.services.of(IncidentService).in_channel(request.channel)
    return incident if incident is not None and may_see(request.member, incident, request.catalogue) else None


async def _choices(request: Request, command: str, words: Words) -> Answer:
    incidents = await visible_incidents(request, MAX_CHOICES)
    if not incidents:
        raise Refused(sentence("There is no incident. To declare one: ", CommandMention("incident declare"), "."))
    rest = "".join(f" {quote(word)}" for word in words.others)
    return IncidentChoices(
        choices=tuple(IncidentChoice(incident=each, command=f"{command} {each.id}{rest}") for each in incidents)
    )
