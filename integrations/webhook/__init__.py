"""Pages to any other system, by signed requests: ``docs/paging-webhook.md`` is for who receives them."""

from integrations.webhook.signed_webhook import Receiver, SignedWebhooks, open_signed_webhooks

__all__ = ["Receiver", "SignedWebhooks", "open_signed_webhooks"]
