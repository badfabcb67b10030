"""Logs: read from a log server, else from the pods; followed for a while."""
