"""Whom the words of a policy mean right now: people on call, a layer, the lead, a person, everybody."""

from collections.abc import Awaitable, Callable, Iterable

from domain.catalogue.catalogue import Catalogue
from domain.oncall.schedule import Assignment
from domain.paging.pages import Page, Recipient
from storage.store import Transaction

OnCallLookup = Callable[[Transaction, str], Awaitable[tuple[Assignment, ...]]]
"""Who is on call for a team now, a layer each, in the order in which they are paged."""

UNKNOWN_NAME = "whoever is on call"
"""Stands for people whom only a pager knows: its service is called all the same."""


def recipients(
    page: Page, words: Iterable[str], assignments: tuple[Assignment, ...], catalogue: Catalogue
) -> tuple[Recipient, ...]:
    """The people that these words mean, each once. Never empty: a service can be called without knowing whom it calls."""
    names = dict.fromkeys(name for word in words for name in _names(page.request.team, word, assignments, catalogue))
    return tuple(_recipient(name, catalogue) for name in names) or (Recipient(name=UNKNOWN_NAME),)


def _names(team: str, word: str, assignments: tuple[Assignment, ...], catalogue: Catalogue) -> Iterable[str]:
    kind, _, name = word.partition(":")
    config = catalogue.oncall.get(team)
    match kind:
        case "person":
            return (name,)
        case "layer":
            return next((each.people for each in assignments if each.layer == name), ())
        case "oncall":
            return next((each.people for each in assignments if each.people), ())
        case "lead":
            return (config.lead,) if config and config.lead else ()
        case _:
            return config.members if config else ()


def _recipient(name: str, catalogue: Catalogue) -> Recipient:
    person = catalogue.people.get(name)
    if person is None:
        # A Slack id stands for somebody who is not in the catalogue: a direct message reaches them.
        return Recipient(name=name, slack=name if name.startswith(("U", "W")) and name.isupper() else "")
    return Recipient(name=name, slack=person.slack, phone=person.phone, email=person.email, pagerduty=person.pagerduty)
