"""aioboto3 and what it brings weigh some 40 MiB: only who sends by AWS pays."""

import subprocess
import sys

PROGRAM = """
import asyncio, sys
from domain.clock import SystemClock
from integrations.aws import SesMail, SmsBySns, open_aws_clients
from integrations.smtp import MailServer, SmtpMail

async def main():
    async with open_aws_clients("eu-central-1") as clients:
        SmsBySns(clients, SystemClock())
        SesMail(clients, SystemClock(), "a@example.com")
        SmtpMail(MailServer(host="mail.example.com"), SystemClock(), "a@example.com")

asyncio.run(main())
print([name for name in ("aioboto3", "aiobotocore", "boto3", "botocore", "aiosmtplib") if name in sys.modules])
"""


def test_a_way_that_is_open_and_not_used_has_loaded_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
