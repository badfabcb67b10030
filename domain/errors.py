"""Errors. Each has a text for people, and its class tells the caller whether a retry can help."""

from domain.rich_text import Text, plain_text


class DeepechoError(Exception):
    """``sentence`` is for people: what happened, what the state is, what to do next. ``str(error)`` is the same as plain text."""

    def __init__(self, sentence: Text = "") -> None:
        super().__init__(plain_text(sentence))
        self.sentence = sentence


class Refused(DeepechoError):
    """The request was understood and refused. Nothing was changed."""


class Denied(Refused):
    """The person lacks the required role. Nothing was changed; the attempt is audited."""


class UsageError(Refused):
    """The command could not be understood. ``hint`` shows how to write it."""

    def __init__(self, sentence: Text, hint: Text = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class TemporaryError(DeepechoError):
    """The other system did not answer properly: a retry may help, after ``retry_after`` seconds if the system named a time."""

    def __init__(self, sentence: Text, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UnknownOutcome(TemporaryError):
    """The connection broke after the request was sent, which may have been carried out. Check before sending it again."""


class PermanentError(DeepechoError):
    """The other system answered, and a retry will not change the answer."""


class AnswerTooLarge(PermanentError):
    """The answer is larger than what is read of one: less has to be asked for."""


class NotFound(PermanentError):
    """The named object does not exist."""


class Conflict(PermanentError):
    """Somebody else changed the object after it was read. Nothing was changed; read it again."""


class Forbidden(PermanentError):
    """The bot's account lacks a permission. The sentence names it."""


class NotAdmitted(PermanentError):
    """A rule of the cluster did not let a change in: a quota, an admission webhook or policy. Nothing was changed."""


class Drifted(Refused):
    """The cluster changed since the plan was approved. Nothing was changed."""


class Cancelled(DeepechoError):
    """Somebody cancelled the operation."""


class CatalogueError(DeepechoError):
    """The catalogue cannot be used; the sentence names file, line and key."""


UNEXPECTED_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What a bug raises for unforeseen input. The input is set aside, so that it does not block everything behind it."""
