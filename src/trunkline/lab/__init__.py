"""A site as a lab: every host a network namespace of this machine, joined by a switch."""
