"""Refusals in the form that the servers give them."""

from aiohttp import web


class Refused(Exception):
    """A request that is refused: ``kind`` is the name of the server's exception."""

    def __init__(self, kind: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.status = kind, reason, status

    def response(self) -> web.Response:
        """The answer."""
        cause = {"type": self.kind, "reason": self.reason}
        return web.json_response({"error": {"root_cause": [cause], **cause}, "status": self.status}, status=self.status)


def parsing(reason: str) -> Refused:
    """A body that cannot be read."""
    return Refused("parsing_exception", reason)


def illegal(reason: str) -> Refused:
    """A value that is not allowed."""
    return Refused("illegal_argument_exception", reason)
