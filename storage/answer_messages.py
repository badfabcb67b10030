"""Messages that belong to answers."""

from domain.answers.answers import WholeAnswer
from storage.outbox_messages import FactKind

WHOLE_ANSWER = FactKind("whole-answer", 1, WholeAnswer, is_personal=True)
