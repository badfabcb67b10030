"""The nouns, the facts and the rules. Standard library and pydantic only, no I/O.

What a lower layer needs from a higher one is a Protocol here, implemented above.
Nothing here knows Slack, SQL or Kubernetes' client.
"""
