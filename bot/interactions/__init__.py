"""What people do in Slack: commands, buttons, forms and the Home tab, dispatched and answered."""
