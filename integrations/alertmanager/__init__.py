"""Alertmanager in our own words: the silences it keeps and, in ``webhook``, what it tells of alerts.

Who may silence what, and for how long, does not belong here; neither do retries: an error says whether they help.
"""

from integrations.alertmanager.client import Alertmanager, open_alertmanager

__all__ = ["Alertmanager", "open_alertmanager"]
