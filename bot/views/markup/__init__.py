"""Documents of blocks, and their writers for Slack and the terminal."""
