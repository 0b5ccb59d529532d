"""`switching: bridge-per-network`: one bridge for each network, one VLAN device for each trunk.

The VLAN device isolates, the bridge switches. A bridge has the MAC of the uplink below it where
that is known, else one of its own: the kernel would take the lowest MAC of its ports, and the
bridge would change it under its neighbours when that port leaves (P-01, P-02).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from trunkline import names, sysctls
from trunkline.intent import Network
from trunkline.realise.ground import Ground
from trunkline.state import ROOT, Bridge, BridgePort, Ipv6, Row, Sysctl, VlanDevice
from trunkline.values import MacAddress


class Switch(Protocol):
    """How a host builds its part of the virtual switch."""

    def bridges(self) -> Iterator[Row]:
        """Yield the bridges themselves, without any port."""
        ...

    def attach(
        self, port: str, native: Network | None, tagged: Sequence[Network], owner: str = ...
    ) -> Iterator[Row]:
        """Yield what puts the device *port* into its networks.

        *owner* is whose VLAN devices these are; without it, each network's.
        """
        ...

    def seat(self, network: Network) -> Generator[Row, None, str]:
        """Yield what the host itself needs to sit in *network*; return the device."""
        ...


@dataclass(frozen=True)
class BridgePerNetwork:
    ground: Ground

    def bridges(self) -> Iterator[Row]:
        own = {port.network for port in self.ground.host.ports}
        for network in self.ground.networks(self.ground.host.networks):
            bridge = names.bridge(network)
            yield Bridge(
                ROOT,
                bridge,
                owner=self.ground.owner("network", network.name),
                mac=self._mac(network),
                mtu=network.mtu,
                ipv6=Ipv6.ON if network.name in own else Ipv6.OFF,
                default_pvid=0 if self.ground.capabilities.vlan_filtering else None,
            )
            yield from silence(bridge)

    def attach(
        self, port: str, native: Network | None, tagged: Sequence[Network], owner: str = ""
    ) -> Iterator[Row]:
        if native is not None:
            yield BridgePort(ROOT, port, names.bridge(native), uplink=not owner)
        for network in tagged:
            if network.vlan is None:
                continue  # `rules` refuses a tagged port in an untagged network
            device = names.vlan_device(port, network.vlan)
            yield VlanDevice(
                ROOT,
                device,
                parent=port,
                vlan=int(network.vlan),
                method=self.ground.vlan_method,
                owner=owner or self.ground.owner("network", network.name),
                mtu=network.mtu,
            )
            yield BridgePort(ROOT, device, names.bridge(network))

    def seat(self, network: Network) -> Generator[Row, None, str]:
        yield from ()
        return names.bridge(network)

    def _mac(self, network: Network) -> MacAddress:
        host = self.ground.host
        known = (u.mac for u in host.uplinks if network.name in u.networks and u.mac is not None)
        return next(known, None) or names.mac(self.ground.site.name, host.name, network.name)


def silence(bridge: str) -> Iterator[Row]:
    """Yield what keeps the host from answering on *bridge* for addresses that lie elsewhere.

    Linux answers ARP for any of its addresses on any device, so a machine would reach the
    host's management address through a bridge that has none (P-21, P-31).
    """
    yield Sysctl(ROOT, sysctls.arp_ignore(bridge), "1")
