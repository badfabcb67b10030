"""Clients of the external systems that the catalogue names. A reload opens those that are new; all close with the process."""
