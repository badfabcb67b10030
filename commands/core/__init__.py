"""The framework of commands: arguments, usage, request, router."""
