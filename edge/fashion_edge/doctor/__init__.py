"""`fashion-doctor`: what is wrong on this machine, and the one command that mends it."""

from fashion_edge.doctor.command import main
from fashion_edge.doctor.machine import Finding, Machine

__all__ = ["Finding", "Machine", "main"]
