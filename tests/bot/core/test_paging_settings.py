"""Settings of the ways of paging: each is refused in words that name the variable, and none shows a secret."""

import pytest

from bot.core.settings import Settings, load_settings
from tests.bot.core.test_settings import SECRET, environment, refusal, set_all

__all__ = ["environment"]

ROUTING_KEY = "r" * 31 + "7"
WORKING = {
    "SLACK__BOT_TOKEN": SECRET,
    "SLACK__APP_TOKEN": "xapp-1",
}


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    set_all(monkeypatch, **WORKING, **values)
    return load_settings()


def refused(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    set_all(monkeypatch, **WORKING, **values)
    return refusal()


def test_without_sections_there_is_no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert (settings.pagerduty, settings.sms, settings.ses, settings.smtp, settings.page_webhooks) == (None, None, None, None, {})


def test_each_way_has_its_section_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        PAGERDUTY__ROUTING_KEYS__PLATFORM=ROUTING_KEY,
        PAGERDUTY__API_TOKEN="y_NbAkKc66ryYTWUXYEu",
        PAGERDUTY__USER_EMAIL="ops@example.com",
        PAGERDUTY__WEBHOOK_SECRETS__MAIN="hook-secret",
        SMS__REGION="eu-central-1",
        SMTP__HOST="mail.example.com",
        SMTP__SENDER="deepecho <deepecho@example.com>",
        SMTP__USERNAME="deepecho",
        SMTP__PASSWORD="mail-password",
        PAGE_WEBHOOKS__NOC__URL="https://noc.example.com/pages",
        PAGE_WEBHOOKS__NOC__SECRET="a-long-enough-secret",
    )
    assert settings.pagerduty is not None
    assert settings.pagerduty.routing_keys["platform"].get_secret_value() == ROUTING_KEY
    assert settings.page_webhooks["noc"].url == "https://noc.example.com/pages"
    assert not any(
        secret in repr(settings) for secret in (ROUTING_KEY, "y_NbAkKc", "hook-secret", "mail-password", "a-long-enough")
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"PAGERDUTY__ROUTING_KEYS__PLATFORM": "short"}, "DEEPECHO_PAGERDUTY__ROUTING_KEYS__PLATFORM must be an integration key"),
        ({"PAGERDUTY__EVENTS_URL": "https://events.eu.pagerduty.com"}, "__ROUTING_KEYS__<NAME> and __API_TOKEN are not set"),
        ({"PAGERDUTY__API_TOKEN": "x"}, "DEEPECHO_PAGERDUTY__USER_EMAIL is not set"),
        (
            {"PAGERDUTY__ROUTING_KEYS__A": ROUTING_KEY, "PAGERDUTY__EVENTS_URL": "http://events.pagerduty.com"},
            "DEEPECHO_PAGERDUTY__EVENTS_URL must be an https address",
        ),
        ({"SMS__REGION": "eu-central-1", "SMS__SENDER_ID": "deep echo!"}, "DEEPECHO_SMS__SENDER_ID is not valid"),
        ({"SMS__REGION": "Frankfurt"}, "DEEPECHO_SMS__REGION is not valid"),
        ({"SES__REGION": "eu-central-1", "SES__SENDER": "deepecho"}, "DEEPECHO_SES__SENDER must be a mail address"),
        ({"SMTP__SENDER": "a@example.com"}, "DEEPECHO_SMTP__HOST is not set"),
        ({"SMTP__HOST": "m", "SMTP__SENDER": "a@b.example", "SMTP__USERNAME": "u"}, "__USERNAME and __PASSWORD belong together"),
        ({"SMTP__HOST": "m", "SMTP__SENDER": "a@b.example", "SMTP__SECURITY": "none"}, "on this machine"),
        (
            {"PAGE_WEBHOOKS__NOC__URL": "https://noc.example.com", "PAGE_WEBHOOKS__NOC__SECRET": "hunter2"},
            "DEEPECHO_PAGE_WEBHOOKS__NOC__SECRET must have at least 16 characters",
        ),
    ],
)
def test_what_cannot_work_is_refused_by_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], words: str
) -> None:
    text = refused(monkeypatch, **values)
    assert words in text
    assert "hunter2" not in text


def test_mail_goes_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refused(
        monkeypatch,
        SES__REGION="eu-central-1",
        SES__SENDER="a@b.example",
        SMTP__HOST="mail.example.com",
        SMTP__SENDER="a@b.example",
    )
    assert text == "DEEPECHO_SES and DEEPECHO_SMTP are both set: mail goes one way, choose it."
