"""What every command is made of: arguments, usage, request, router."""
