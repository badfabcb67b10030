"""Links: to pages and nowhere else, and no address ends its own markup."""

from dataclasses import replace

import pytest

from domain.alerts.alerts import AlertLink
from tests.harness.families import render
from tests.harness.message_text import markup_tokens, visible_text
from tests.harness.samples.alerts import LONELY


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "data:text/html,<b>x</b>",
            "file:///etc/passwd",
            "ftp://x.example",
            "//evil.example",
            "evil.example",
        ),
        *(
            "evil.example",
            "https://",
            "http:///x",
            "https://user:secret@evil.example",
            "https://[broken",
            "https://x.example:port/",
            "",
        ),
        *("https://x.example/?token=abcdef", "https://x.example/" + "x" * 3000),
    ],
)
def test_what_is_no_page_is_not_linked(url: str) -> None:
    message = render(replace(LONELY, links=(AlertLink("runbook", url),)))
    assert markup_tokens(message.blocks) == []
    assert "*Links* runbook" in visible_text(message)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://x.example/a b", "https://x.example/a%20b"),
        ("https://x.example/a|b>c<d", "https://x.example/a%7Cb%3Ec%3Cd"),
        ("https://x.example/><!channel>", "https://x.example/%3E%3C!channel%3E"),
        ("https://x.example/?a=1&b=%7C#top", "https://x.example/?a=1&amp;b=%7C#top"),
        ('http://x.example/\n\u202e\ud800é`"', "http://x.example/%0A%E2%80%AE?%C3%A9%60%22"),
    ],
)
def test_an_address_cannot_end_its_link(url: str, sent: str) -> None:
    message = render(replace(LONELY, links=(AlertLink("run|book> <!channel>", url),)))
    assert f"<{sent}|run|book&gt; &lt;!channel&gt;>" in visible_text(message)
    assert markup_tokens(message.blocks) == [f"{sent}|run|book&gt; &lt;!channel&gt;"]
