"""The form in which a client wants to see objects: whole, as a table, or their metadata only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.cluster.model import Json
from sandbox.cluster.reads import whole
from sandbox.cluster.resources import Resource
from sandbox.cluster.tables import table

Form = Literal["whole", "table", "metadata"]
_FORMS: dict[str, Form] = {"Table": "table", "PartialObjectMetadata": "metadata", "PartialObjectMetadataList": "metadata"}


def form_of(accept: str) -> Form:
    """The first form in an Accept header that the stand-in speaks."""
    for wish in accept.split(","):
        media, *parameters = (part.strip() for part in wish.split(";"))
        told = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media == "application/json" and told.get("as", "") in _FORMS:
            return _FORMS[told["as"]]
        if media == "application/json" and "as" not in told:
            return "whole"
    return "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenter:
    """``include`` is what a table's rows carry of their objects (Metadata, Object, None)."""

    resource: Resource
    form: Form
    now: datetime
    include: str = "Metadata"

    def one(self, obj: Json) -> Json:
        if self.form == "table":
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return table(self.resource, [obj], self.now, metadata, self.include)
        return _metadata_of(obj) if self.form == "metadata" else whole(self.resource, obj)

    def page(self, page: Json) -> Json:
        """A list as ``list_page`` made it."""
        if self.form == "table":
            return table(self.resource, page["items"], self.now, page["metadata"], self.include)
        if self.form == "whole":
            return page
        items = [_metadata_of(obj) for obj in page["items"]]
        about = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return {**about, "metadata": page["metadata"], "items": items}

    def event(self, event: Json) -> Json:
        """One line of a watch; errors and bookmarks are what they are."""
        if self.form == "whole" or event["type"] in ("ERROR", "BOOKMARK"):
            return event
        return {**event, "object": self.one(event["object"])}


def _metadata_of(obj: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
