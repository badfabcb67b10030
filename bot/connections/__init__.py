"""The outside systems that the catalogue names, opened and closed as the catalogue changes."""
