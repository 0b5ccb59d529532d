"""`switching: vlan-aware`: one bridge that filters VLANs, for all networks of a host.

A port without a VLAN is deaf (default_pvid 0), so nothing leaks while a port is being made. An
untagged network needs a VLAN number inside the bridge all the same: the highest that no network
of the site uses, so that it is the same on every host and on every run.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from trunkline import names
from trunkline.errors import HostError
from trunkline.intent import Network
from trunkline.realise.bridges import silence
from trunkline.realise.ground import Ground
from trunkline.state import ROOT, Bridge, BridgePort, Ipv6, PortVlan, Row, VlanDevice
from trunkline.values import MacAddress

BRIDGE = names.VLAN_AWARE_BRIDGE
HIGHEST_VLAN = 4094


@dataclass(frozen=True)
class VlanAware:
    ground: Ground

    def bridges(self) -> Iterator[Row]:
        carried = self.ground.networks(self.ground.host.networks)
        yield Bridge(
            ROOT,
            BRIDGE,
            owner=self.ground.owner("host", self.ground.host.name),
            mac=self._mac(),
            mtu=max((network.mtu for network in carried), default=None),
            vlan_filtering=True,
            default_pvid=0,
        )
        yield from silence(BRIDGE)

    def attach(
        self, port: str, native: Network | None, tagged: Sequence[Network], owner: str = ""
    ) -> Iterator[Row]:
        yield BridgePort(ROOT, port, BRIDGE, uplink=not owner)
        if native is not None:
            yield PortVlan(ROOT, port, self.vlan(native), pvid=True, untagged=True)
        for network in tagged:
            yield PortVlan(ROOT, port, self.vlan(network))

    def seat(self, network: Network) -> Generator[Row, None, str]:
        vlan = self.vlan(network)
        device = names.vlan_device(BRIDGE, vlan)
        yield VlanDevice(
            ROOT,
            device,
            parent=BRIDGE,
            vlan=vlan,
            method=self.ground.vlan_method,
            owner=self.ground.owner("network", network.name),
            mtu=network.mtu,
            ipv6=Ipv6.ON,
        )
        # The bridge needs the VLAN itself, or its VLAN device hears nothing (P-42).
        yield PortVlan(ROOT, BRIDGE, vlan)
        yield from silence(device)
        return device

    def vlan(self, network: Network) -> int:
        """Return the number that *network* has inside this bridge."""
        return self._internal[network.name] if network.vlan is None else int(network.vlan)

    @functools.cached_property
    def _internal(self) -> dict[str, int]:
        networks = self.ground.site.networks.values()
        used = {network.vlan for network in networks}
        free = (number for number in range(HIGHEST_VLAN, 0, -1) if number not in used)
        untagged = [network.name for network in networks if network.vlan is None]
        numbers = dict(zip(untagged, free, strict=False))
        if len(numbers) < len(untagged):
            raise HostError(
                f"host '{self.ground.host.name}': no VLAN number is left for untagged network "
                f"'{untagged[len(numbers)]}'",
                hint="use `switching: bridge-per-network` on this host",
            )
        return numbers

    def _mac(self) -> MacAddress:
        host = self.ground.host
        known = next((uplink.mac for uplink in host.uplinks if uplink.mac is not None), None)
        return known or names.mac(self.ground.site.name, host.name, BRIDGE)
