"""`fashion-doctor`: problems of this machine, and the one command that fixes each."""

from fashion_edge.doctor.command import main
from fashion_edge.doctor.machine import Finding, Machine

__all__ = ["Finding", "Machine", "main"]
