"""What can go wrong, said so that a person understands it and a caller knows whether trying again helps."""

from domain.sentences import Text, plain_text


class DeepechoError(Exception):
    """``sentence`` is what a person reads: what happened, what stands, what next. ``str(error)`` is the same as plain text."""

    def __init__(self, sentence: Text = "") -> None:
        super().__init__(plain_text(sentence))
        self.sentence = sentence


class Refused(DeepechoError):
    """The request was understood and will not be done. Nothing was changed."""


class Denied(Refused):
    """The person does not have the role that this needs. Nothing was changed; the attempt is audited."""


class UsageError(Refused):
    """The words could not be understood. ``hint`` shows how to say it."""

    def __init__(self, sentence: Text, hint: Text = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class TemporaryError(DeepechoError):
    """The other system did not answer properly; trying again may help. ``delay`` is in seconds, where it named one."""

    def __init__(self, sentence: Text, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UnknownOutcome(TemporaryError):
    """The connection broke after the request was sent: it may or may not have been carried out. Look before sending again."""


class PermanentError(DeepechoError):
    """The other system answered, and asking again will not change the answer."""


class NotFound(PermanentError):
    """The named thing does not exist there."""


class Conflict(PermanentError):
    """Somebody else changed the object between our look and our change. Nothing was changed; look again."""


class Forbidden(PermanentError):
    """The bot's own account lacks a permission there. The sentence names it."""


class Drifted(Refused):
    """The world is no longer as it was when the plan was approved. Nothing was changed."""


class Cancelled(DeepechoError):
    """Somebody cancelled the operation."""


class CatalogueError(DeepechoError):
    """The catalogue cannot be used; the sentence names file, line and key."""


UNEXPECTED_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What a mistake of ours raises on input that no test foresaw. Its cause is set aside, so that it does not hold up the rest."""
