"""Scores with a model behind an HTTP server, steadily: several endpoints, retries, a deadline, what is had in time."""

from .errors import BadAnswer, HttpScorerError, NoEndpoint, RequestRefused, WrongDialect
from .scorer import HttpScorer

__all__ = ["BadAnswer", "HttpScorer", "HttpScorerError", "NoEndpoint", "RequestRefused", "WrongDialect"]
