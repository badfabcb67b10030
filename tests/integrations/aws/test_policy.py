"""The policy in ``deploy/`` allows what the bot asks of AWS, and nothing else."""

import json
import re
from pathlib import Path

from botocore import xform_name

POLICY = json.loads(Path("deploy/aws-policy.json").read_text(encoding="utf-8"))
IMPLIED = {"ses:SendRawEmail"}
"""SES asks for it where a mail is handed over as a whole."""


def test_the_policy_and_the_calls_agree() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(Path("integrations/aws").glob("*.py")))
    called = {(service.removesuffix("v2"), name) for service, name in re.findall(r'"(sns|sesv2|cloudwatch)",\s*"(\w+)"', source)}
    allowed = {action for statement in POLICY["Statement"] for action in statement["Action"]} - IMPLIED
    assert {(service, xform_name(action)) for service, action in (each.split(":") for each in allowed)} == called
