"""Trunkline turns ordinary Linux hosts into one virtual switch."""

__version__ = "0.1.0"
