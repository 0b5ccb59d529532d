"""What every part of a realisation looks things up in: the site, the host, its kernel."""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable
from dataclasses import dataclass

from trunkline.capabilities import Capabilities
from trunkline.errors import HostError
from trunkline.intent import Host, Machine, Network, Site, VlanDevices
from trunkline.state import VlanMethod


class Seats(enum.Enum):
    """What a virtual machine is plugged into."""

    TAP = "tap"
    """A persistent tap for a hypervisor; only containers live in namespaces."""
    NAMESPACE = "namespace"
    """Labs: a namespace plays the machine, so that it can be asked to send packets."""


@dataclass(frozen=True)
class Ground:
    site: Site
    host: Host
    capabilities: Capabilities
    seats: Seats

    def owner(self, kind: str, name: str) -> str:
        return f"{self.site.name}/{kind}/{name}"

    def owner_of(self, machine: Machine) -> str:
        return self.owner(machine.kind.value, machine.name)

    def networks(self, names: Iterable[str]) -> tuple[Network, ...]:
        return tuple(self.site.networks[name] for name in names)

    @functools.cached_property
    def vlan_method(self) -> VlanMethod:
        """Return what this host's VLAN devices are made of; asked only where one is needed."""
        wish, can = self.host.vlan_devices, self.capabilities
        if wish is not VlanDevices.EBPF and can.vlan_devices:
            return VlanMethod.KERNEL
        if wish is VlanDevices.KERNEL:
            raise HostError(
                f"host '{self.host.name}': vlan_devices is 'kernel', and kernel "
                f"'{can.release}' has no 802.1Q devices",
                hint="load the module 8021q, or say `vlan_devices: auto`",
            )
        if can.ebpf_vlan:
            return VlanMethod.EBPF
        raise HostError(
            f"host '{self.host.name}': kernel '{can.release}' has neither 802.1Q devices nor "
            "what eBPF VLAN devices need",
            hint="load the module 8021q, or use a kernel with clsact and cls_bpf",
        )

    def need(self, feature: str, purpose: str) -> None:
        """Raise HostError unless the kernel has *feature*, a field of Capabilities."""
        if not getattr(self.capabilities, feature):
            raise HostError(
                f"host '{self.host.name}': {purpose} needs '{feature}', which kernel "
                f"'{self.capabilities.release}' does not have",
                hint="`trunkline doctor kernel` lists what this kernel can do",
            )
