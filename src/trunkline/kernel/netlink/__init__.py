"""Typed rtnetlink of our own: the one place that knows the kernel's wire format."""
