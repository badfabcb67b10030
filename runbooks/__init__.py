"""Workflows that survive restarts: the engine, and one module for each procedure.

Procedures do not import each other, and no module here knows Slack.
"""
