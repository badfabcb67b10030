"""The outbox worker: claim a message, render it, send it to Slack, retry."""
