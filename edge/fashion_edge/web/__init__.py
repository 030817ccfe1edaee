"""The live page of `--serve`, with its JSON, event, picture and Prometheus endpoints."""

from fashion_edge.web.auth import AccessPolicy, Address, Origin
from fashion_edge.web.server import WebSink

__all__ = ["AccessPolicy", "Address", "Origin", "WebSink"]
