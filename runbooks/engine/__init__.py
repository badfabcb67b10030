"""The workflow engine, and the lease of the replica that runs it."""
