"""moto's server on loopback: SNS, SES and CloudWatch over HTTP."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

DEFAULT_ACCOUNT_ID = "123456789012"
"""moto's."""
REGION = "eu-central-1"
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}
OPTED_OUT_NUMBER = "+491700000099"
"""moto takes every number that ends with 99 for one that answered STOP."""


@dataclass(frozen=True, slots=True)
class RunningAws:
    """``url`` is the endpoint of all services."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def sms(self) -> list[tuple[str, str]]:
        """Numbers and texts, in order."""
        return list(_sns().sms_messages.values())

    @property
    def mails(self) -> list[str]:
        """Mails as they were sent."""
        return [each.raw_data for each in ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages] + [
            each.raw_data for each in ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
        ]

    def verify_sender(self, address: str) -> None:
        ses_backends[DEFAULT_ACCOUNT_ID][REGION].verify_email_identity(address)

    def forget(self) -> None:
        """As at the start."""
        for backend in (sns_backends, ses_backends, cloudwatch_backends):
            backend[DEFAULT_ACCOUNT_ID][REGION].reset()


def _sns() -> Any:
    return sns_backends[DEFAULT_ACCOUNT_ID][REGION]


@contextmanager
def aws_server() -> Iterator[RunningAws]:
    """Up until the block ends. It runs in threads of this process, so that tests can look into it."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield RunningAws(*server.get_host_and_port())
    finally:
        server.stop()
