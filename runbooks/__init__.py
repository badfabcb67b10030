"""How things are done, restart-safe: the engine, and one module for each procedure.

Procedures do not know each other, and nothing here knows Slack.
"""
