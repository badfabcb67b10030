"""Rich text as mark-up, for a page that knows only mark-up."""

from sandbox.slack.errors import Json


def rich_text_as_mrkdwn(block: Json) -> str:
    """A `rich_text` block as Slack's mark-up."""
    return "\n".join(_part(element) for element in block["elements"])


def _part(element: Json) -> str:
    kind = element["type"]
    if kind == "rich_text_list":
        ordered = element.get("style") == "ordered"
        indent = "    " * int(element.get("indent", 0))
        return "\n".join(
            f"{indent}{f'{number}.' if ordered else '•'} {_inline(item)}" for number, item in enumerate(element["elements"], 1)
        )
    text = _inline(element)
    if kind == "rich_text_preformatted":
        return f"```{text}```"
    return "\n".join(f"> {line}" for line in text.split("\n")) if kind == "rich_text_quote" else text


def _inline(element: Json) -> str:
    return "".join(_span(span) for span in element.get("elements", []))


def _span(span: Json) -> str:
    kind = span["type"]
    text = {
        "text": lambda: str(span["text"]),
        "link": lambda: f"<{span['url']}|{span.get('text') or span['url']}>",
        "user": lambda: f"<@{span['user_id']}>",
        "usergroup": lambda: f"<!subteam^{span['usergroup_id']}>",
        "channel": lambda: f"<#{span['channel_id']}>",
        "emoji": lambda: f":{span['name']}:",
        "broadcast": lambda: f"@{span['range']}",
        "date": lambda: f"<!date^{span['timestamp']}^{span['format']}|{span.get('fallback', '')}>",
    }.get(kind, lambda: f"[{kind}]")()
    for style, mark in (("code", "`"), ("bold", "*"), ("italic", "_"), ("strike", "~")):
        if span.get("style", {}).get(style):
            text = f"{mark}{text}{mark}"
    return text
