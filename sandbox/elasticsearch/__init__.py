"""A strict stand-in of Elasticsearch's searches, and, as a choice, of OpenSearch's: their HTTP APIs as they are published."""

from sandbox.elasticsearch.model import LogIndex, Trouble
from sandbox.elasticsearch.server import StandInElasticsearch

__all__ = ["LogIndex", "StandInElasticsearch", "Trouble"]
