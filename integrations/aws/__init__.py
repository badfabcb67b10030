"""AWS as ways of paging: SMS by SNS, mail by SES.

Credentials come from where AWS's tools look for them. A MessageId means that AWS has stored the message, not that it arrived.
"""

from integrations.aws.ses import SesMail
from integrations.aws.session import AwsClients, open_aws_clients
from integrations.aws.sms import SmsBySns, SmsUsage

__all__ = ["AwsClients", "SesMail", "SmsBySns", "SmsUsage", "open_aws_clients"]
