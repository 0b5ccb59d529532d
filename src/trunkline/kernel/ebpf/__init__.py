"""eBPF VLAN devices: 802.1Q without the kernel's 8021q, for kernels that were built without it.

A VLAN device is then one end of a veth pair whose other end is idle. Our program at its egress
pushes the tag and redirects to the parent; our program at the parent's ingress pops the tag and
redirects into the device. Call everything inside `namespaces.entered`.
"""

from trunkline.kernel.ebpf.devices import attach_vlan, detach_vlan, read_vlans

__all__ = ["attach_vlan", "detach_vlan", "read_vlans"]
