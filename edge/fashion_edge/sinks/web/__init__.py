"""`--serve`: the live picture and what is said of it, on a page, as JSON, as events, and for Prometheus."""

from fashion_edge.sinks.web.address import Address
from fashion_edge.sinks.web.guard import Guard
from fashion_edge.sinks.web.origin import Origin
from fashion_edge.sinks.web.sink import WebSink

__all__ = ["Address", "Guard", "Origin", "WebSink"]
