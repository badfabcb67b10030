"""The base of all models of the catalogue."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DNS_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

DnsLabel = Annotated[str, Field(pattern=f"^{DNS_LABEL}$")]
"""An RFC 1123 label, because these names become parts of names in Kubernetes."""


class ConfigModel(BaseModel):
    """A part of the catalogue. It is immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
