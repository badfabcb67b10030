"""What the process itself needs: settings, logs, the catalogue file, background tasks."""
