"""How this Slack says no."""

from typing import Any

Json = dict[str, Any]


class WebApiError(Exception):
    """A Web API call that the real Slack would refuse: ``error`` is its documented word for it."""

    def __init__(self, error: str, messages: list[str] | None = None, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []
        self.extra = extra

    def response_body(self) -> Json:
        body: Json = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body
