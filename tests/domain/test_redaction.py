"""What looks like a secret does not leave; what a person needs to read does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.redaction import MASK, redact

SECRETS = [
    "xoxb-1234567890-abcdefghij",
    "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4OTA",
    "xapp-1-A0DEEPECHO-123-abcdef",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghijkl",
    "AKIAIOSFODNN7EXAMPLE",
    "k8s-aws-v1.aHR0cHM6Ly9zdHMudXM",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "https://hooks.slack.com/actions/T0/1/abc",
]
NAMED = [
    ("password=hunter2", "hunter2"),
    ('"db_password": "hunter2"', "hunter2"),
    ("DATABASE_PASSWORD: hunter2", "hunter2"),
    ("api-key=abc123def", "abc123def"),
    ("wss://wss.example.com/link/?ticket=0f3a-99", "0f3a-99"),
    ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
    ("postgresql://echo:s3cret@db.internal:5432/echo", "s3cret"),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_token_is_masked_wherever_it_stands(secret: str) -> None:
    said = redact(f"before {secret} after")
    assert secret.rpartition("/")[2] not in said
    assert said.startswith("before ")
    assert said.endswith(" after")
    assert MASK in said


@pytest.mark.parametrize(("text", "secret"), NAMED)
def test_what_is_named_as_a_secret_is_masked_and_its_name_stays(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "deep-echo-main 3/3 ready · 41 s",
        "ghcr.io/echocog/deep-tree-echo-rkwv:main-abc1234",
        "sha256:3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
        "Secret deep-echo-secrets changed after main-abc1234 ran",
        "at 14:02 UTC, see https://grafana.example.com/d/abc?var-x=1",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=300))
def test_twice_is_as_good_as_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
