"""The text frames of a WebSocket to the local Slack, which is opened again whenever it ends."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from aiohttp import ClientWebSocketResponse, WSMsgType

Connect = Callable[[], Awaitable[ClientWebSocketResponse]]


async def text_frames(
    socket: ClientWebSocketResponse, connect: Connect
) -> AsyncGenerator[tuple[ClientWebSocketResponse, str], None]:
    """Every text frame with the connection it came on. A connection that ends is opened again.

    The local Slack ends one that has answered nothing for two minutes: that of a laptop that slept, or of a test whose event
    loop stood still while others ran.
    """
    while True:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                yield socket, message.data
        socket = await connect()
