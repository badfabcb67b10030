"""How forms ask for traces."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "traces last": ArgumentField(label="How far back", hint="Such as 2h. Empty: 30 minutes."),
}
