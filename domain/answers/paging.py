"""Answers about pages."""

from dataclasses import dataclass

from domain.facts import Answer
from domain.paging.messages import PageCard


@dataclass(frozen=True, slots=True)
class PageAnswer(Answer):
    """One page with each attempt to reach somebody."""

    card: PageCard
