"""The form in which a client wants to see objects: whole, as a table, or their metadata only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.cluster.model import Json
from sandbox.cluster.reads import with_type_meta
from sandbox.cluster.resources import ResourceType
from sandbox.cluster.tables import table

RepresentationKind = Literal["whole", "table", "metadata"]
_KINDS_BY_NAME: dict[str, RepresentationKind] = {
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
}


def negotiate(accept: str) -> RepresentationKind:
    """The first form in an Accept header that the stand-in speaks."""
    for media_range in accept.split(","):
        media, *parameters = (part.strip() for part in media_range.split(";"))
        parameters_by_name = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media == "application/json" and parameters_by_name.get("as", "") in _KINDS_BY_NAME:
            return _KINDS_BY_NAME[parameters_by_name["as"]]
        if media == "application/json" and "as" not in parameters_by_name:
            return "whole"
    return "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """``include`` is what a table's rows carry of their objects (Metadata, Object, None)."""

    resource: ResourceType
    kind: RepresentationKind
    now: datetime
    include: str = "Metadata"

    def single(self, obj: Json) -> Json:
        if self.kind == "table":
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return table(self.resource, [obj], self.now, metadata, self.include)
        return _metadata_of(obj) if self.kind == "metadata" else with_type_meta(self.resource, obj)

    def list_body(self, listing: Json) -> Json:
        """A list as ``list_page`` made it."""
        if self.kind == "table":
            return table(self.resource, listing["items"], self.now, listing["metadata"], self.include)
        if self.kind == "whole":
            return listing
        items = [_metadata_of(obj) for obj in listing["items"]]
        list_type = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return {**list_type, "metadata": listing["metadata"], "items": items}

    def event(self, event: Json) -> Json:
        """One line of a watch; errors and bookmarks are what they are."""
        if self.kind == "whole" or event["type"] in ("ERROR", "BOOKMARK"):
            return event
        return {**event, "object": self.single(event["object"])}


def _metadata_of(obj: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
