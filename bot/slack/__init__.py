"""Slack itself: Socket Mode, the HTTP endpoint, the Web API, payloads, people."""
