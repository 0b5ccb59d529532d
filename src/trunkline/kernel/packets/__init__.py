"""Packets as values: `encode()` gives the bytes of the wire, `decode(data)` takes them.

`decode` returns None where the bytes are not such a packet: on a wire that is no error.
MAC addresses and IP addresses are text in their canonical form.
"""
