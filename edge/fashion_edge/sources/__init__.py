"""Where frames come from: stills, video files, streams, cameras, and the rendered demo scene."""

from fashion_edge.sources.base import Source
from fashion_edge.sources.factory import open_source

__all__ = ["Source", "open_source"]
