"""The catalogue: models of the file that defines environments, services, roles and routes of alerts."""
