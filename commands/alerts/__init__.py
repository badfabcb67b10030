"""Commands about alert groups, silences and suspect changes."""
