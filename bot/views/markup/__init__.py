"""What every view is written in: a document of blocks, and its writers for Slack and for the terminal."""
