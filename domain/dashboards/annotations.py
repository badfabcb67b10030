"""Annotations: what happened, as marks on the graphs of Grafana."""

import html
import json
from dataclasses import dataclass
from datetime import datetime

from domain.redaction import redact
from domain.text import clip

OURS = "deepecho"
"""A tag of every annotation that the bot writes. A dashboard shows those whose tags it asks for."""
MAX_TEXT_LENGTH = 1_000
"""Characters. Grafana shows the text in a small box."""
MAX_TAGS_LENGTH = 500
"""Characters of all tags as JSON: Grafana's setting ``[annotations] tags_length``. It refuses an annotation with more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A mark at ``since``, or over a time. ``subject`` is the id of what happened: ``op-k7m2``, ``inc-x4k2``.

    ``text`` is plain: ``html_text`` is what Grafana gets.
    """

    subject: str
    environment: str
    kind: str
    """``deploy``, ``rollback``, ``incident``: what a dashboard may ask for by tag."""
    text: str
    since: datetime
    until: datetime | None = None
    """None while it goes on, and for an instant."""
    services: tuple[str, ...] = ()

    @property
    def subject_tag(self) -> str:
        """The tag by which the annotation is found again."""
        return f"{OURS}:{self.subject}"

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, sorted. Services for whose tags Grafana has no space are left to the text."""
        tags = [OURS, self.subject_tag, self.kind, f"environment:{self.environment}"]
        for service in self.services:
            tag = f"service:{service}"
            if tag not in tags and len(json.dumps([*tags, tag])) <= MAX_TAGS_LENGTH:
                tags.append(tag)
        return tuple(sorted(tags))

    @property
    def html_text(self) -> str:
        """Grafana draws the text as HTML: what people typed must not become a link or a picture there."""
        return html.escape(clip(redact(self.text), MAX_TEXT_LENGTH), quote=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnnotation:
    """An annotation as Grafana has it. For an instant ``until`` is ``since``."""

    id: int
    since: datetime
    until: datetime
    text: str
    tags: tuple[str, ...]

    def shows(self, annotation: Annotation) -> bool:
        """Whether it says the same, to the millisecond that Grafana keeps."""
        times = (annotation.since, annotation.until or annotation.since)
        same_time = all(
            int(stored.timestamp() * 1000) == int(wanted.timestamp() * 1000)
            for stored, wanted in zip((self.since, self.until), times, strict=True)
        )
        return same_time and self.text == annotation.html_text and sorted(self.tags) == list(annotation.tags)
