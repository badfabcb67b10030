"""What the process needs before any feature: settings, logs, the catalogue file, background tasks."""
