"""How what we make is marked in the kernel, so that a killed run leaves only what we recognise."""

from __future__ import annotations

from trunkline import names
from trunkline.state import ALIAS
from trunkline.values import InterfaceName

IDLE = "trunkline-idle:"
"""Starts the alias of the idle end of an eBPF VLAN device's pair; such an end is not a row."""


def alias(owner: str | None) -> str:
    """Return the alias of a device with this owner.

    >>> alias("lab/red")
    'trunkline:lab/red'
    """
    return "" if owner is None else ALIAS + owner


def idle_alias(owner: str | None) -> str:
    return IDLE + (owner or "")


def owner(text: str) -> str | None:
    """Return whose the device with this alias is, None if it is foreign."""
    return text[len(ALIAS) :] if text.startswith(ALIAS) else None


def idle_owner(text: str) -> str | None:
    """Return whose the idle end with this alias is, None if it is none."""
    return text[len(IDLE) :] or None if text.startswith(IDLE) else None


def idle_name(device: str) -> InterfaceName:
    """Return the name of the idle end; the tilde sorts behind every letter.

    So the pair of a half-made VLAN device reads back under the device's own key.

    >>> idle_name("eno16777736.10")
    '~eno16777736.10'
    """
    return names.fitted("~" + device)
