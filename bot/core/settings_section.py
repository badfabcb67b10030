"""What all sections of the settings have in common."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


class SettingsSection(BaseModel):
    """Base of the nested settings: immutable, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def is_local_host(host: str | None) -> bool:
    """Whether what is sent there stays on this machine."""
    return host in _LOCAL_HOSTS


def is_encrypted(url: str) -> bool:
    """Whether secrets may travel over this address."""
    address = urlsplit(url)
    return address.scheme == "https" or (address.scheme == "http" and is_local_host(address.hostname))


def _require_encryption(url: str) -> str:
    if not is_encrypted(url):
        raise ValueError("must be an https address; secrets travel over it")
    address = urlsplit(url)
    if not address.hostname or "@" in address.netloc:
        raise ValueError("must be an address such as https://events.pagerduty.com, without user and password")
    return url.rstrip("/")


SecureUrl = Annotated[str, AfterValidator(_require_encryption)]
"""An https address; plain http only to this machine."""
