"""`--serve`: the live picture and what is said of it, on a page, as JSON, as events, and for Prometheus."""

from fashion_edge.web.auth import Address, Guard, Origin
from fashion_edge.web.server import WebSink

__all__ = ["Address", "Guard", "Origin", "WebSink"]
