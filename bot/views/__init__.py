"""Facts as people see them: pure functions from a fact to a Slack message, a view, or text for the terminal.

A fact becomes a ``Page`` (what is said, in which order), and the page is written once for each surface. Escaping, redaction
and Slack's limits therefore live in the writers, never in a page. No I/O, no clock, no settings.
"""
