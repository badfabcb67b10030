"""The base of what commands answer. Every family adds its own answers and registers the view of each."""


class Answer:
    """A fact that answers one person. It holds data and no wording of a surface; a view renders it by its type."""

    __slots__ = ()
