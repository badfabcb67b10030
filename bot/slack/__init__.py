"""Connections to Slack: Socket Mode, the HTTP endpoint, the Web API, payloads, the directory of people."""
