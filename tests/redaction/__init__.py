"""What redaction finds and what it spoils, measured: ``python -m tests.redaction``."""
