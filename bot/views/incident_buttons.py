"""The buttons of incidents: on cards, on notes, and on lists to choose from."""

from bot.views.markup.document import Button, Confirm, Option, SelectMenu
from domain.incidents.changes import Offer
from domain.incidents.incident import Incident, IncidentState
from domain.severities import Severity

ACKNOWLEDGE = "incident.acknowledge"
UPDATE = "incident.update"
SEVERITY = "incident.severity"
COMMAND = "incident.command"
RESOLVE = "incident.resolve"
CLOSE = "incident.close"
REOPEN = "incident.reopen"
HERE = "incident.here"
POSTMORTEM = "incident.postmortem"
SHOW = "incident.show"
CATCHUP = "incident.catchup"
CHOOSE = "incident.choose"
TAKE_PAGER = "incident.take-pager"

_SEVERITY_WORDS = {
    Severity.P0: "P0 · complete outage",
    Severity.P1: "P1 · most users",
    Severity.P2: "P2 · some users",
    Severity.P3: "P3 · can wait",
}


def card_buttons(incident: Incident) -> tuple[Button | SelectMenu, ...]:
    """What can be done now, the most likely first."""
    match incident.state:
        case IncidentState.DECLARED:
            return (_acknowledge(incident), _update(incident), _severity(incident), _resolve(incident))
        case IncidentState.ACKNOWLEDGED | IncidentState.MITIGATED:
            command = () if incident.commander else (_command(incident),)
            return (_update(incident, style="primary"), _severity(incident), *command, _resolve(incident), _catchup(incident))
        case IncidentState.RESOLVED:
            return (_close(incident), _reopen(incident), _catchup(incident))
        case IncidentState.CLOSED:
            return () if incident.merged_into else (_reopen(incident),)


def note_buttons(incident_id: str, offers: tuple[Offer, ...], team: str = "") -> tuple[Button, ...]:
    """The buttons of a note. Without a team there is no pager to take."""
    possible = (offer for offer in offers if offer is not Offer.TAKE_PAGER or team)
    return tuple(_offer(team if offer is Offer.TAKE_PAGER else incident_id, offer) for offer in possible)


def choice_button(text: str, command: str) -> Button:
    """A button that runs a command with the incident in it. The person who clicks needs its rights as when typing it."""
    return Button(text=text, action=CHOOSE, value=command)


def _offer(subject: str, offer: Offer) -> Button:
    text, action, style = _OFFERS[offer]
    return Button(text=text, action=action, value=subject, style=style)


_OFFERS = {
    Offer.ACKNOWLEDGE: ("Acknowledge", ACKNOWLEDGE, "primary"),
    Offer.STILL_HERE: ("I am here", HERE, "primary"),
    Offer.TAKE_COMMAND: ("Take command", COMMAND, ""),
    Offer.TAKE_PAGER: ("Take the pager", TAKE_PAGER, ""),
    Offer.UPDATE: ("Update", UPDATE, "primary"),
    Offer.RESOLVE: ("Resolve", RESOLVE, "primary"),
    Offer.CLOSE: ("Close", CLOSE, "primary"),
    Offer.REOPEN: ("Reopen", REOPEN, ""),
    Offer.POSTMORTEM: ("Post-mortem", POSTMORTEM, ""),
}


def _acknowledge(incident: Incident) -> Button:
    return Button(text="Acknowledge", action=ACKNOWLEDGE, value=incident.id, style="primary")


def _update(incident: Incident, style: str = "") -> Button:
    return Button(text="Update", action=UPDATE, value=incident.id, style=style)


def _severity(incident: Incident) -> SelectMenu:
    others = tuple(each for each in Severity if each is not incident.severity)
    options = tuple(Option(_SEVERITY_WORDS[each], f"{incident.id}/{each}") for each in others)
    return SelectMenu(text="Severity", action=SEVERITY, options=options)


def _command(incident: Incident) -> Button:
    return Button(text="Take command", action=COMMAND, value=incident.id)


def _resolve(incident: Incident) -> Button:
    firing = sum(each.firing for each in incident.alerts)
    still = f"{firing} of its alerts still fire{'s' if firing == 1 else ''}. " if firing else ""
    text = f"{still}It is watched afterwards, and reopens if a linked alert fires again."
    confirm = Confirm(f"Resolve {incident.id}?", text, "Resolve", "Not yet")
    return Button(text="Resolve", action=RESOLVE, value=incident.id, confirm=confirm)


def _close(incident: Incident) -> Button:
    return Button(text="Close", action=CLOSE, value=incident.id, style="primary")


def _reopen(incident: Incident) -> Button:
    return Button(text="Reopen", action=REOPEN, value=incident.id)


def _catchup(incident: Incident) -> Button:
    return Button(text="Catch up", action=CATCHUP, value=incident.id)
