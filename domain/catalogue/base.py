"""What every part of the catalogue's file shares."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""An RFC 1123 label, because these names become parts of Kubernetes' own."""


class ConfigModel(BaseModel):
    """A part of the catalogue: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
