"""One lab: its site, its kernels, and where everything in it is.

A lab named L has its switch, its outside and its hosts H in the namespaces `L.switch`,
`L.outside` and `L.H`, and what runs on a host in `L.H.NAME`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trunkline.capabilities import Capabilities
from trunkline.errors import UsageError
from trunkline.intent import OUTSIDE, Site
from trunkline.kernel import Kernel, namespaces
from trunkline.kernel.linux import LinuxKernel
from trunkline.lab.fabric import SWITCH, fabric
from trunkline.lab.wiring import Wiring
from trunkline.realise import Seats, realise
from trunkline.state import ROOT, HostState
from trunkline.wording import quoted


@dataclass(frozen=True)
class Lab:
    name: str
    site: Site

    @property
    def fabric_kernel(self) -> Kernel:
        """The machine that the lab runs on, as far as the lab goes: hosts, switch, outside."""
        return Wiring(LinuxKernel(prefix=f"{self.name}.", root=None))

    def host_kernel(self, host: str) -> Kernel:
        """Return what is the whole machine for *host*: its namespace, and those on it."""
        return LinuxKernel(prefix=f"{self.name}.{host}.", root=str(self.path(host)))

    def fabric(self, capabilities: Capabilities) -> HostState:
        return fabric(self.site, capabilities, self.name)

    def host_state(self, host: str, capabilities: Capabilities) -> HostState:
        return realise(self.site, host, capabilities, Seats.NAMESPACE)

    def path(self, host: str, namespace: str = ROOT) -> Path:
        """Return the namespace of *host*, or *namespace* on it; no host is the fabric."""
        parts = [part for part in (self.name, host, namespace) if part]
        return namespaces.path(".".join(parts))

    def places(self) -> dict[str, Path]:
        """Return the namespace of everything that has one, by the name people use."""
        site = self.site
        found = {SWITCH: self.path(SWITCH)}
        if any(network.external for network in site.networks.values()):
            found[OUTSIDE] = self.path(OUTSIDE)
        found |= {name: self.path(name) for name in site.hosts}
        found |= {m.name: self.path(m.host, m.name) for m in site.machines.values()}
        return found | {r.name: self.path(r.host, r.name) for r in site.routers.values()}

    def place(self, name: str) -> Path:
        """Return the namespace of the machine, host or router *name*, of the switch or outside."""
        places = self.places()
        if name not in places:
            raise UsageError(
                f"lab '{self.name}': there is no {quoted(name)} in it",
                hint=f"there are: {', '.join(places)}",
            )
        return places[name]
