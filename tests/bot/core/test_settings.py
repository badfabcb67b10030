"""Settings are refused in words that name the variable and never show its value."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.settings import InvalidSettings, Settings, load_settings
from runbooks.housekeeping import Retention

SECRET = "xoxb-very-secret-value"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets itself."""
    import os

    for name in [each for each in os.environ if each.startswith("DEEPECHO_")]:
        monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"DEEPECHO_{name}", value)


def refusal() -> str:
    with pytest.raises(InvalidSettings) as refused:
        load_settings()
    return str(refused.value)


def test_tokens_are_enough_and_everything_else_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1")
    settings = load_settings()
    assert settings.slack.bot_token.get_secret_value() == SECRET
    assert settings.slack.api_url == "https://slack.com/api/"
    assert settings.database == "sqlite+aiosqlite:///data/deepecho.sqlite"
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert SECRET not in repr(settings)


def test_mounted_files_are_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "DEEPECHO_SLACK__BOT_TOKEN").write_text("xoxb-from-a-file\n")
    (tmp_path / "deepecho_slack__app_token").write_text("xapp-from-a-file")
    (tmp_path / "DEEPECHO_DATABASE_URL").write_text("postgresql://bot:pass@db/deepecho")
    set_all(monkeypatch, SECRETS_DIR=str(tmp_path), SLACK__APP_TOKEN="xapp-from-the-environment")
    settings = load_settings()
    assert settings.slack.bot_token.get_secret_value() == "xoxb-from-a-file"
    assert settings.slack.app_token is not None
    assert settings.slack.app_token.get_secret_value() == "xapp-from-the-environment"
    assert settings.database == "postgresql://bot:pass@db/deepecho"


def test_what_has_ended_is_kept_for_as_many_days_as_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1")
    assert load_settings().retention.periods == Retention()
    set_all(monkeypatch, RETENTION__OPERATIONS="90", RETENTION__MESSAGES="7")
    assert load_settings().retention.periods == Retention(operations=timedelta(days=90), messages=timedelta(days=7))
    set_all(monkeypatch, RETENTION__AUDIT="7", RETENTION__MESSAGES="0")
    assert "DEEPECHO_RETENTION__AUDIT is not a setting." in refusal()
    assert "DEEPECHO_RETENTION__MESSAGES is not valid: input should be greater than or equal to 1." in refusal()


def test_each_source_of_alerts_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "deepecho_webhooks__alertmanager_tokens__cluster-c").write_text("from-a-file\n")
    set_all(
        monkeypatch,
        SECRETS_DIR=str(tmp_path),
        SLACK__BOT_TOKEN=SECRET,
        SLACK__APP_TOKEN="xapp-1",
        WEBHOOKS__ALERTMANAGER_TOKEN="unnamed",
        WEBHOOKS__ALERTMANAGER_TOKENS__CLUSTER_B="of-b",
    )
    tokens = load_settings().webhooks.tokens_by_source
    assert tokens == {"": "unnamed", "cluster_b": "of-b", "cluster-c": "from-a-file"}


def test_a_source_whose_name_cannot_be_in_a_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"WEBHOOKS__ALERTMANAGER_TOKENS": f'{{"b/c": "{SECRET}"}}'}
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1", **values)
    assert "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKENS" in refusal()
    assert SECRET not in refusal()


def test_a_log_level_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1", LOG__LEVEL="debug")
    assert load_settings().log.level == "DEBUG"


def test_a_folder_of_secrets_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_all(monkeypatch, SECRETS_DIR=str(tmp_path / "absent"), SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1")
    assert "does not exist" in refusal()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "DEEPECHO_SLACK__BOT_TOKEN is not set."),
        ({"SLACK__APP_TOKEN": "xapp-1"}, "DEEPECHO_SLACK__BOT_TOKEN is not set."),
        ({"SLACK__BOT_TOKEN": SECRET}, "DEEPECHO_SLACK__APP_TOKEN is not set, and Socket Mode needs it."),
        (
            {"SLACK__BOT_TOKEN": SECRET, "SLACK__MODE": "http"},
            "DEEPECHO_SLACK__SIGNING_SECRET is not set, and Slack over HTTP needs it.",
        ),
        (
            {"SLACK__BOT_TOKEN": SECRET, "SLACK__APP_TOKEN": "x", "SLACK__BOT_TOKN": SECRET},
            "DEEPECHO_SLACK__BOT_TOKN is not a setting.",
        ),
        ({"DATABSE_URL": SECRET}, "DEEPECHO_DATABSE_URL is not a setting. Did you mean DEEPECHO_DATABASE_URL?"),
        (
            {"SLACK__BOT_TOKEN": SECRET, "SLACK__APP_TOKEN": "x", "SLACK__API_URL": "http://slack.example.com"},
            "DEEPECHO_SLACK__API_URL must be an https address; tokens travel over it.",
        ),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], sentence: str) -> None:
    set_all(monkeypatch, **values)
    assert refusal() == sentence


@pytest.mark.parametrize("name", ["HTTP__PORT", "SLACK__MODE", "LOG__LEVEL", "SLACK"])
def test_a_wrong_value_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1")
    set_all(monkeypatch, **{name: "{not-to-be-shown"})
    said = refusal()
    assert name.partition("__")[0].lower() in said.lower()
    assert "not-to-be-shown" not in said


def test_names_for_tests_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1", TEST_POSTGRES_URL="postgresql://x")
    assert isinstance(load_settings(), Settings)


def test_limits_and_ports_of_http_are_settable_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1", HTTP__MANAGEMENT_PORT="8081")
    set_all(monkeypatch, HTTP__MAX_CONNECTIONS_PER_PEER="50", HTTP__READ_TIMEOUT="5")
    http = load_settings().http
    assert (http.management_port, http.max_connections, http.max_connections_per_peer, http.read_timeout) == (8081, 500, 50, 5)
    set_all(monkeypatch, HTTP__READ_TIMEOUT="0", HTTP__MAX_CONNECTIONS="1")
    assert refusal().splitlines() == [
        "DEEPECHO_HTTP__MAX_CONNECTIONS is not valid: input should be greater than or equal to 10.",
        "DEEPECHO_HTTP__READ_TIMEOUT is not valid: input should be greater than or equal to 1.",
    ]


def test_one_port_for_everything_is_the_default_and_two_equal_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SLACK__BOT_TOKEN=SECRET, SLACK__APP_TOKEN="xapp-1")
    assert load_settings().http.management_port is None
    set_all(monkeypatch, HTTP__MANAGEMENT_PORT="8080")
    assert (
        refusal() == "DEEPECHO_HTTP__MANAGEMENT_PORT is the same as DEEPECHO_HTTP__PORT; leave it out to serve everything there."
    )
