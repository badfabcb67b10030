"""Opens a form at once, before its choices are looked up, and fills it afterwards: a trigger is valid for three seconds."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.interactions.replies import Replies, message_modal
from bot.slack import modals
from bot.slack.api import SlackApi
from bot.slack.payloads import Interaction
from bot.views import forms
from bot.views.render import Renderer
from commands.core.request import Request
from commands.registry import CommandRegistry, Invocation
from domain.answers.answers import ErrorAnswer, Form
from domain.errors import DeepechoError, TemporaryError
from domain.rich_text import CommandMention, sentence

log = structlog.get_logger()

Json = dict[str, Any]


class FormOpener:
    """Opens and fills forms."""

    def __init__(
        self,
        registry: CommandRegistry,
        slack: SlackApi,
        replies: Replies,
        renderer: Renderer,
        build_request: Callable[[Interaction], Awaitable[Request]],
    ) -> None:
        self._registry, self._slack, self._replies = registry, slack, replies
        self._renderer, self._build_request = renderer, build_request

    async def open(self, interaction: Interaction, invocation: Invocation, form: Form, *, only_form: bool = False) -> bool:
        """Open the form and fill it. False where Slack does not open it: then the caller asks in text.

        ``only_form``: the text lacks nothing, and still it is for the person to send it.
        """
        skeleton = modals.with_response_url(forms.loading(form, interaction.channel), interaction.response_url)
        try:
            view_id, view_hash = await self._slack.open_view(interaction.trigger_id, skeleton)
        except DeepechoError as error:
            log.info("form not opened", error=str(error))
            return False
        filled = await self._filled_view(interaction, invocation.text, only_form=only_form)
        view = modals.with_response_url(filled, interaction.response_url)
        try:
            await self._slack.update_view(view_id, view, hash=view_hash)
        except DeepechoError as error:
            log.warning("form not filled", error=str(error))
            hint = sentence("Close the form and send ", CommandMention(invocation.text), " again.")
            await self._replies.send(interaction, ErrorAnswer("Slack did not take the form's choices.", hint))
        return True

    async def _filled_view(self, interaction: Interaction, text: str, *, only_form: bool) -> Json:
        """The form with its choices, or a modal that says why this person gets none."""
        try:
            request = await self._build_request(interaction)
        except TemporaryError as error:
            return message_modal(self._renderer.render(ErrorAnswer(error.sentence, "Try again in a minute.")))
        answer = await self._registry.parse_and_answer(request, text, only_form=only_form)
        if isinstance(answer, Form):
            return forms.modal(await self._registry.load_options(request, answer), interaction.channel)
        return message_modal(self._renderer.render(answer))
