"""The commands of dashboards."""
