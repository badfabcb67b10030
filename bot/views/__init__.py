"""Views: pure functions from a fact to a Slack message, a modal, or text for the terminal.

A view turns a fact into a ``Document``, and a writer for each surface renders it. Escaping, redaction and Slack's limits are in
the writers, never in a view. No I/O, no clock, no settings.
"""
