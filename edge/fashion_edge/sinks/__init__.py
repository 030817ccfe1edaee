"""Where results go: a window, JSON lines, annotated stills and video, plain text."""

from fashion_edge.sinks.base import Sink

__all__ = ["Sink"]
