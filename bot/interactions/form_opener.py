"""Asking for what is missing: the form opens at once, before anything else is looked up, and is filled afterwards."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.interactions.replies import Replies, window
from bot.slack import modals
from bot.slack.api import SlackApi
from bot.slack.payloads import Said
from bot.views import forms
from bot.views.render import render
from commands.core.request import Request
from commands.forms import choices
from commands.registry import Menu
from domain.answers.answers import Complaint, Form
from domain.errors import DeepechoError, TemporaryError

log = structlog.get_logger()

Json = dict[str, Any]


class Asking:
    """Opens and fills forms."""

    def __init__(self, menu: Menu, slack: SlackApi, replies: Replies, request: Callable[[Said], Awaitable[Request]]) -> None:
        self._menu, self._slack, self._replies, self._request = menu, slack, replies, request

    async def open(self, said: Said, text: str, form: Form) -> bool:
        """Open the form and fill it. False where Slack does not open it: then it is asked for in words."""
        skeleton = modals.with_response_url(forms.loading(form, said.channel), said.response_url)
        try:
            view_id, state = await self._slack.open_view(said.trigger_id, skeleton)
        except DeepechoError as error:
            log.info("a form did not open", error=str(error))
            return False
        view = modals.with_response_url(await self._filled(said, text), said.response_url)
        try:
            await self._slack.update_view(view_id, view, hash=state)
        except DeepechoError as error:
            log.warning("a form was not filled", error=str(error))
            sentence = "Slack did not take the form's choices."
            await self._replies.tell(said, Complaint(sentence, f"Close the form and send `/deepecho {text}` again."))
        return True

    async def _filled(self, said: Said, text: str) -> Json:
        """The form with its choices; or why there is none for this person."""
        try:
            request = await self._request(said)
        except TemporaryError as error:
            return window(render(Complaint(str(error), "Try again in a minute.")))
        answer = await self._menu.answer(request, text)
        if isinstance(answer, Form):
            return forms.modal(await choices(request, answer), said.channel)
        return window(render(answer))
