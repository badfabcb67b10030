"""How forms ask for a window and its times."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "work": ArgumentField(label="What is done", hint="RDS minor upgrade."),
    "maintenance plan at": ArgumentField(label="Begin", hint="On your clock: Sun 04:00, tomorrow 2:00, 04:00 UTC, now."),
    "silence": ArgumentField(label="Alerts to hide", hint="alertname=HighErrorRate,RedisDown service=deep-echo-main"),
    "window": ArgumentField(label="Window", hint="Its id, such as mw-k7m2."),
    "more": ArgumentField(label="How much longer", hint="30m, 1h."),
}
