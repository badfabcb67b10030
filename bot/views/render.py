"""From a fact to what people see, dispatched on the fact's type."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from bot.views.home import home_view
from bot.views.markup.document import Document
from bot.views.markup.message import Message, message_of
from bot.views.markup.terminal import text_of
from domain.answers.answers import HomeAnswer

View = Callable[[Any, datetime | None], Document]
"""From a fact and, where it is known, the present time."""


def timeless(draw: Callable[[Any], Document]) -> View:
    """A view that does not show how much time has passed."""

    def view(fact: Any, _now: datetime | None) -> Document:
        return draw(fact)

    return view


class Renderer:
    """The views of all families. Raises ``KeyError`` for a fact that no family draws."""

    def __init__(self, views: Mapping[type, View]) -> None:
        self._views = views

    def document(self, fact: object, now: datetime | None = None) -> Document:
        """The fact as a document, before any surface."""
        return self._views[type(fact)](fact, now)

    def render(self, fact: object, now: datetime | None = None) -> Message:
        """The fact as a Slack message. ``now`` lets the card of a running operation say how long it has taken."""
        return message_of(self.document(fact, now))

    def render_text(self, fact: object, now: datetime | None = None, zone: tzinfo | None = None) -> str:
        """The fact as plain text; ``zone`` adds the reader's own time to UTC."""
        return text_of(self.document(fact, now), zone)

    def render_home(self, fact: HomeAnswer) -> dict[str, Any]:
        """The Home tab, with what the families add to it."""
        return home_view(fact, tuple(self.document(section) for section in fact.sections))
