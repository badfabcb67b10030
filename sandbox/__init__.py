"""A whole platform on one machine: a local Slack, a stand-in cluster and the bot, for trying things out and for tests.

It may import anything and is imported by nothing. Everything listens on loopback and keeps its state in ``.sandbox``.
"""
