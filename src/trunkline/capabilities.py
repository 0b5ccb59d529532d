"""What a kernel and its tools can do, as a value; `kernel.probe` finds it out by trying."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """Each field is one thing that was tried in a scratch namespace."""

    release: str = ""
    """uname -r."""
    bridge: bool = True
    veth: bool = True
    tap: bool = True
    vlan_devices: bool = True
    """The kernel's own 802.1Q devices (CONFIG_VLAN_8021Q)."""
    vlan_filtering: bool = True
    """VLAN-aware bridges (CONFIG_BRIDGE_VLAN_FILTERING)."""
    ebpf_vlan: bool = True
    """clsact, cls_bpf and bpf(2) with the VLAN helpers: what eBPF VLAN devices need."""
    vxlan: bool = True
    nft: bool = True
    """The nft program and the inet family."""
    nft_bridge: bool = True
    br_netfilter: bool = False
    """Bridged frames can be handed to iptables here; every bridge must switch that off."""
    ipv6: bool = True

    def lines(self) -> tuple[tuple[str, bool], ...]:
        """Return (field, value) of every yes-or-no capability, in the order of the class."""
        pairs = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return tuple((name, value) for name, value in pairs if isinstance(value, bool))
