"""The local Slack as the gateway uses it: a store of messages and files, and a page that draws them."""

import re
from typing import Any

import aiohttp
from yarl import URL

from sandbox.slack.errors import Json, WebApiError


class Upstream:
    """Calls to the local Slack at ``base`` (`http://127.0.0.1:PORT`), as the bot ``token``."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str, public: str) -> None:
        self.base = base
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}
        self._public_url = public
        self._own_urls = re.compile(r"(http|ws)://(127\.0\.0\.1|localhost):" + str(URL(base).port) + r"(?=/|$)")

    async def call(self, method: str, args: Json) -> Json:
        """Call a Web API method; its answer with the addresses rewritten. Raises `Refused`."""
        url = f"{self.base}/api/{method}"
        async with self._session.post(url, json=args, headers=self._headers) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise WebApiError(str(answer.get("error", "internal_error")))
        rewritten: Json = self.rewrite(answer)
        return rewritten

    async def messages(self, channel: str) -> list[Json]:
        """Every message of a channel as it is stored, ephemeral ones included, oldest first."""
        answer = await self._get(f"/_control/messages/{channel}")
        messages: list[Json] = self.rewrite(answer["messages"])
        return messages

    async def channels(self) -> list[Json]:
        channels: list[Json] = (await self._get("/_control/state"))["channels"]
        return channels

    async def post_control(self, verb: str, body: Json) -> Json:
        """What a person does with messages: `message`, `reaction`, `edit-message`, `delete-message`."""
        async with self._session.post(f"{self.base}/_control/{verb}", json=body) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise WebApiError(str(answer.get("error", "invalid_arguments")))
        return answer

    async def get_control(self, what: str) -> Json:
        """What its own control tells: `log` or `state`."""
        state: Json = self.rewrite(await self._get(f"/_control/{what}"))
        return state

    async def page_socket(self) -> aiohttp.ClientWebSocketResponse:
        """A connection like the page's own: first the whole state, then every change."""
        return await self._session.ws_connect(f"{self.base}/ui", max_msg_size=0)

    async def bot_socket(self) -> aiohttp.ClientWebSocketResponse:
        """A Socket Mode connection, on which the local Slack tells what people wrote."""
        async with self._session.post(f"{self.base}/api/apps.connections.open", headers=self._headers) as response:
            answer: Json = await response.json()
        return await self._session.ws_connect(answer["url"], max_msg_size=0)

    def rewrite(self, value: Any) -> Any:
        """``value`` with every address of the local Slack replaced by the gateway's."""
        if isinstance(value, str):
            return self._own_urls.sub(self._to_gateway, value) if "://" in value else value
        if isinstance(value, list):
            return [self.rewrite(item) for item in value]
        if isinstance(value, dict):
            return {key: self.rewrite(item) for key, item in value.items()}
        return value

    def _to_gateway(self, found: re.Match[str]) -> str:
        return self._public_url if found[1] == "http" else self._public_url.replace("http", "ws", 1)

    async def _get(self, path: str) -> Json:
        async with self._session.get(self.base + path) as response:
            answer: Json = await response.json()
        return answer
