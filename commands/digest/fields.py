"""How forms ask for a digest."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "digest for": ArgumentField(label="Date", hint="Such as 2026-11-20, or yesterday. Empty: as it is now."),
}
