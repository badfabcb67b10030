"""EKS authentication: the bearer token is a presigned STS request, made locally from AWS credentials.

EKS accepts a token for 15 minutes after signing. ``aws eks get-token`` reports 14 minutes; the bot renews after 10.
"""

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.clock import Clock
from domain.errors import PermanentError, TemporaryError
from integrations.kubernetes.settings import Eks
from integrations.kubernetes.tokens import ExpiringToken

TOKEN_PREFIX = "k8s-aws-v1."  # noqa: S105 -- the format, not a secret
RENEW_AFTER = timedelta(minutes=10)
TOKEN_TTL = timedelta(minutes=14)
_SIGNATURE_TTL_SECONDS = 60
"""The value that aws-iam-authenticator requires of the signature. The token stays valid longer."""


@dataclass(frozen=True, slots=True)
class EksEndpoint:
    """The URL of the API server, and the certificate authority of its certificate (PEM in base64)."""

    url: str
    certificate_authority: str


def issue_token(eks: Eks, clock: Clock) -> ExpiringToken:
    """Create a token. Blocks: botocore may fetch credentials from the instance metadata service."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import get_session

    now = clock.now()
    try:
        header = f"Bearer {_presigned_token(eks, get_session())}"
    except BotoCoreError as error:
        raise TemporaryError(f"AWS gave no credentials for EKS cluster {eks.cluster}: {error}") from error
    return ExpiringToken(header, renew_at=now + RENEW_AFTER, expires_at=now + TOKEN_TTL)


def _presigned_token(eks: Eks, session: Any) -> str:
    from botocore.model import ServiceId
    from botocore.signers import RequestSigner

    credentials = session.get_credentials()
    if credentials is None:
        raise PermanentError(f"There are no AWS credentials for EKS cluster {eks.cluster}.")
    signer = RequestSigner(ServiceId("STS"), eks.region, "sts", "v4", credentials, session.get_component("event_emitter"))
    suffix = ".cn" if session.get_partition_for_region(eks.region) == "aws-cn" else ""
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"https://sts.{eks.region}.amazonaws.com{suffix}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": eks.cluster},
            "context": {},
        },
        region_name=eks.region,
        expires_in=_SIGNATURE_TTL_SECONDS,
        operation_name="",
    )
    return TOKEN_PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def find_endpoint(eks: Eks) -> EksEndpoint:
    """Take URL and authority from the settings, else from AWS. Blocks."""
    if eks.endpoint and eks.certificate_authority:
        return EksEndpoint(eks.endpoint, eks.certificate_authority)
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import get_session

    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    try:
        client = get_session().create_client("eks", region_name=eks.region, config=config)
        description = client.describe_cluster(name=eks.cluster)["cluster"]
    except ClientError as error:
        raise PermanentError(f"AWS would not describe EKS cluster {eks.cluster} in {eks.region}: {error}") from error
    except BotoCoreError as error:
        raise TemporaryError(f"AWS could not be asked about EKS cluster {eks.cluster} in {eks.region}: {error}") from error
    return EksEndpoint(
        eks.endpoint or description["endpoint"], eks.certificate_authority or description["certificateAuthority"]["data"]
    )
