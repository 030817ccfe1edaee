"""Inference runtimes behind one verb: `run(batch) -> scores`."""

from fashion_edge.backends.base import Backend, open_backend

__all__ = ["Backend", "open_backend"]
