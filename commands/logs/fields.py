"""How forms ask for logs."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "words": ArgumentField(label="What to look for", hint="Words that a line has. Empty: every line."),
    "logs last": ArgumentField(label="How far back", hint="Such as 2h. Empty: 15 minutes."),
    "logs follow": ArgumentField(label="Follow for", hint="Such as 60s. Empty: not at all."),
    "logs patterns last": ArgumentField(label="How far back", hint="Such as 2h. Empty: 15 minutes."),
}
