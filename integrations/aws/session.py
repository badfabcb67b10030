"""Clients of AWS's services: one for each service, closed with the process. AWS's errors are translated here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any

from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError
from domain.redaction import redact
from integrations.http import HttpCall, lost_response_error, timeout_error

CONNECT_SECONDS, READ_SECONDS = 3, 8
"""Together with what SMS ask before they stay within the 15 s that one attempt to page has."""
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "RequestLimitExceeded",
    "TooManyRequestsException",
}
NOT_ALLOWED = {
    *("AuthorizationError", "AuthorizationErrorException", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"),
    *("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException"),
    *("InvalidSecurity", "InvalidSecurityException", "OptInRequired", "MissingAuthenticationToken"),
}
_NAMES = {"sns": "AWS SNS", "sesv2": "AWS SES", "cloudwatch": "AWS CloudWatch"}
_MAX_MESSAGE_LENGTH = 300

ErrorForCode = Callable[[HttpCall, str, str], DeepechoError | None]
"""From a code and a message of AWS to the error, where the service gives a code a meaning of its own."""


class AwsClients:
    """Calls to AWS in one region. Nothing is imported and nothing is asked for before the first call."""

    def __init__(self, region: str, endpoint_url: str | None, stack: AsyncExitStack, *, read_seconds: float) -> None:
        self.region = region
        self._endpoint_url, self._stack, self._read_seconds = endpoint_url, stack, read_seconds
        self._clients: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    async def call(
        self,
        service: str,
        operation: str,
        action: str,
        *,
        is_write: bool = False,
        error_for_code: ErrorForCode = lambda _call, _code, _message: None,
        **parameters: Any,
    ) -> Mapping[str, Any]:
        """One call, without retries. Raises only domain errors: UnknownOutcome for a write whose answer is lost."""
        _require_library()
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        call = HttpCall(
            server=f"{_NAMES[service]} in {self.region}", action=action, is_write=is_write, timeout_seconds=self._read_seconds
        )
        try:
            client = await self._client(service)
            answer: Mapping[str, Any] = await getattr(client, operation)(**parameters)
        except ClientError as error:
            raise _error_for_answer(call, error.response, error_for_code) from error
        except BotoCoreError as error:
            raise _error_for_failure(call, error) from error
        # The page of a proxy or of a load balancer; where it is XML or JSON, botocore stumbles over what it does not find there.
        except (ResponseParserError, LookupError, ValueError) as error:
            raise lost_response_error(call, "gave an answer that cannot be read") from error
        return answer

    async def prepare(self, *services: str) -> None:
        """Load what the first call would load: the libraries take a moment, which the first page should not wait for.

        Raises ``PermanentError`` for a region that is none, and without the extra ``aws``.
        """
        _require_library()
        from botocore.exceptions import BotoCoreError

        for service in services:
            try:
                await self._client(service)
            except (BotoCoreError, ValueError) as error:
                raise PermanentError(f"{_NAMES[service]} cannot be used with the region “{self.region}”: {error}") from error

    async def _client(self, service: str) -> Any:
        async with self._lock:  # two pages at once would open two clients
            if service not in self._clients:
                self._clients[service] = await self._stack.enter_async_context(
                    _new_client(service, self.region, self._endpoint_url, self._read_seconds)
                )
            return self._clients[service]


def _require_library() -> None:
    """Raise ``PermanentError`` where the bot was installed without the extra ``aws``."""
    try:
        import aioboto3  # noqa: F401
    except ImportError as error:
        raise PermanentError("Pages by AWS need the extra aws: pip install 'deepecho[aws]'.") from error


@cache
def _session() -> Any:
    """One for the process: each would read the descriptions of the services anew, half a second for a client."""
    import aioboto3

    return aioboto3.Session()


def _new_client(service: str, region: str, endpoint_url: str | None, read_seconds: float) -> Any:
    from botocore.config import Config

    # Nothing retries on its own: who sends pages decides by each way's rule.
    config = Config(connect_timeout=CONNECT_SECONDS, read_timeout=read_seconds, retries={"total_max_attempts": 1})
    return _session().client(service, region_name=region, endpoint_url=endpoint_url, config=config)


def _error_for_answer(call: HttpCall, response: Mapping[str, Any], error_for_code: ErrorForCode) -> DeepechoError:
    code, message = response.get("Error", {}).get("Code", ""), redact(response.get("Error", {}).get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    # A page in place of an answer of AWS says nothing to people.
    message = f"HTTP {status}" if message.lstrip().startswith("<") else message[:_MAX_MESSAGE_LENGTH].rstrip(".")
    if specific := error_for_code(call, code, message):
        return specific
    if code in THROTTLED or status == 429:
        return TemporaryError(f"{call.server} takes no more for a moment ({message or code}).")
    if code in NOT_ALLOWED or status in (401, 403):
        return Forbidden(f"{call.server} does not let the bot {call.action}: {message or code}.")
    if status >= 500:
        return lost_response_error(call, f"failed with HTTP {status} ({message or code})")
    return PermanentError(f"{call.server} refused to {call.action}: {message or code}.")


def _error_for_failure(call: HttpCall, error: Exception) -> DeepechoError:
    from botocore import exceptions

    match error:
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError() | exceptions.ProfileNotFound():
            return PermanentError(f"There are no AWS credentials with which to {call.action}: {error}")
        case exceptions.ParamValidationError() | exceptions.NoRegionError() | exceptions.InvalidRegionError():
            return PermanentError(f"{call.server} cannot be asked to {call.action}: {error}")
        case exceptions.SSLError():
            return PermanentError(f"The certificate of {call.server} is not trusted.")
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return _error_for_connection(call, error)
        case _:
            return TemporaryError(f"AWS could not be asked to {call.action}: {redact(str(error))[:_MAX_MESSAGE_LENGTH]}")


def _error_for_connection(call: HttpCall, error: Exception) -> TemporaryError:
    from botocore import exceptions

    match error:
        case exceptions.EndpointConnectionError() | exceptions.ConnectTimeoutError() | exceptions.ProxyConnectionError():
            return TemporaryError(f"{call.server} cannot be reached. Nothing was sent.")
        case exceptions.ReadTimeoutError():
            return timeout_error(call)
        case _:
            return lost_response_error(call, "broke the connection")


@asynccontextmanager
async def open_aws_clients(
    region: str, endpoint_url: str | None = None, *, read_seconds: float = READ_SECONDS
) -> AsyncIterator[AwsClients]:
    """Open clients that connect with their first call. ``endpoint_url``: in place of AWS's own addresses."""
    async with AsyncExitStack() as stack:
        yield AwsClients(region, endpoint_url, stack, read_seconds=read_seconds)
