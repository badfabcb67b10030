"""moto's server, once for all tests here."""

from collections.abc import AsyncIterator, Iterator

import pytest

from integrations.aws import AwsClients, open_aws_clients
from tests.harness.aws_server import CREDENTIALS, REGION, RunningAws, aws_server


@pytest.fixture(scope="package")
def aws_process() -> Iterator[RunningAws]:
    with aws_server() as running:
        yield running


@pytest.fixture
def aws(aws_process: RunningAws, monkeypatch: pytest.MonkeyPatch) -> RunningAws:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    aws_process.forget()
    return aws_process


@pytest.fixture
async def clients(aws: RunningAws) -> AsyncIterator[AwsClients]:
    async with open_aws_clients(REGION, aws.url, read_seconds=2) as opened:
        await opened.prepare("sns", "sesv2", "cloudwatch")
        yield opened
