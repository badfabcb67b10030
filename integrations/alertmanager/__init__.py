"""Alertmanager client: it lists, creates and expires silences. ``webhook`` parses the notifications that Alertmanager posts.

Permissions, limits of duration and retries belong to the callers; the type of an error tells whether a retry can help.
"""

from integrations.alertmanager.client import Alertmanager, open_alertmanager
from integrations.alertmanager.pair import AlertmanagerPair

__all__ = ["Alertmanager", "AlertmanagerPair", "open_alertmanager"]
