"""How forms ask for what is looked at."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "events last": ArgumentField(label="How far back", hint="Such as 30m. Clusters keep events for an hour."),
}
