"""Latency that can be trusted: every variant of a bundle, each in its own process, or the verdict says why not."""
