"""The command ``leases``."""
