"""What a person does in the page, done through the gateway."""

from sandbox.slack.elements import find_action
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.pages import BrowserPage
from sandbox.slack.user_actions import BackgroundActions, UserActions, message_blocks


class PageActions:
    """Called with each frame that a page sends; long ones go on in the background, as in a browser."""

    def __init__(self, hub: Hub, actions: UserActions, background: BackgroundActions) -> None:
        self._hub = hub
        self._actions = actions
        self._background = background

    async def handle(self, page: BrowserPage, frame: Json) -> None:
        try:
            await self._handle(page, str(frame.get("user", page.person)), frame)
        except WebApiError:
            # What was clicked is gone; the page is about to hear of it.
            return

    async def _handle(self, page: BrowserPage, user: str, frame: Json) -> None:
        match frame.get("t"):
            case "slash_command":
                self._background.start(
                    self._actions.command(
                        user=user, command=frame["command"], text=frame.get("text", ""), channel=frame["channel"]
                    )
                )
            case "block_action":
                await self._click(page, user, frame)
            case "view_click":
                self._click_in_form(user, frame)
            case "view_submit":
                self._background.start(self._actions.submit(user=user, values=_raw_values(frame.get("values", {}))))
            case "view_close":
                self._background.start(self._actions.close(user=user))
            case "open_home":
                self._background.start(self._actions.open_home(user=user))
            case _:
                await self._hub.pages.forward(page, frame)

    async def _click(self, page: BrowserPage, user: str, frame: Json) -> None:
        action = frame["action"]
        if not frame.get("confirmed") and (confirm := await self._confirm(user, frame)) is not None:
            await page.ask_confirmation(confirm, frame)
            return
        if frame.get("messageTs"):
            click = self._actions.click(user=user, channel=frame["channel"], ts=frame["messageTs"], action=action)
        else:
            click = self._actions.click_in_view(user=user, view_id=None, action=action)
        self._background.start(click)

    def _click_in_form(self, user: str, frame: Json) -> None:
        """A click in a form, by the places of the block and the element; a field tells only when it is meant to."""
        view = self._hub.views.top(user)
        block = view["blocks"][frame["block"]] if view else {}
        if block.get("type") == "actions":
            element = block["elements"][frame["element"]]
        elif block.get("dispatch_action") or block.get("type") == "section":
            element = block.get("element") or block["accessory"]
        else:
            return
        if view is not None and (frame.get("value") or element["type"] == "button"):
            action = {"action_id": element["action_id"], "block_id": block["block_id"], "value": frame.get("value")}
            self._background.start(self._actions.click_in_view(user=user, view_id=view["id"], action=action))

    async def _confirm(self, user: str, frame: Json) -> Json | None:
        """The `confirm` object of what was clicked."""
        action = frame["action"]
        if frame.get("messageTs"):
            blocks = message_blocks(await self._hub.messages.find(frame["channel"], frame["messageTs"]))
        else:
            blocks = self._hub.views.homes.get(user, {}).get("blocks", [])
        option = action.get("selected_option") or {}
        value = action.get("value") if action.get("value") is not None else option.get("value")
        found = find_action(blocks, str(action["action_id"]), value)
        confirm: Json | None = found[1].get("confirm") if found else None
        return confirm


def _raw_values(values: Json) -> Json:
    """The page's fields, whatever it drew them as, by block id: a text, an id, or a list of values."""
    return {block: _raw(field) for block, fields in values.items() for field in fields.values()}


def _raw(field: Json) -> object:
    if "selected_options" in field:
        return [option["value"] for option in field["selected_options"]]
    if "selected_option" in field:
        return (field["selected_option"] or {}).get("value", "")
    return field.get("value", field.get("selected_date"))
