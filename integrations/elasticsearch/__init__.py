"""Elasticsearch and OpenSearch: log lines of one service, by asynchronous searches that are deleted in any case."""

from integrations.elasticsearch.answers import FoundLines, SearchState
from integrations.elasticsearch.client import Elasticsearch, headers_of, open_elasticsearch
from integrations.elasticsearch.queries import LineSearch

__all__ = ["Elasticsearch", "FoundLines", "LineSearch", "SearchState", "headers_of", "open_elasticsearch"]
