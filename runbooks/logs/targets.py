"""The workload that a question about logs is about."""

from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError
from domain.logs.lines import LogQuery
from domain.targets import Target


def target_of(catalogue: Catalogue, query: LogQuery) -> Target:
    """The service's workload. Raises PermanentError where a reload of the catalogue removed it, as it may while one follows."""
    if query.environment not in catalogue.environments or query.service not in catalogue.services:
        raise PermanentError(f"{query.service} in {query.environment} is no longer in the catalogue.")
    return catalogue.target(query.environment, query.service)
