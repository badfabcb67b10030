"""On-call: overrides, requests to be relieved, notices, user groups, schedules of PagerDuty."""
