"""The ground floor: the bundle contract, and the runtime that puts labels on frames."""

__version__ = "0.2.0"
