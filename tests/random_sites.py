"""Random sites of one host: what a person may write today and change tomorrow."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import strategies as st

from tests import planning_fixtures as make
from trunkline.intent import (
    Allow,
    Attachment,
    Host,
    HostPort,
    Machine,
    MachineKind,
    Network,
    Port,
    Router,
    Site,
    Subnet,
    Switching,
)
from trunkline.values import InterfaceAddress, InterfaceName, VlanId

NETWORKS = ("red", "blue", "green")
NICS = ("eno1", "eno2")
DEVICES = tuple(InterfaceName(name) for name in ("vnet0", "vnet1", "vnet2"))


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Network]:
    vlans = draw(st.permutations([10, 20, 30]))
    mtus = [draw(st.sampled_from([1400, 1500, 9000])) for _ in NETWORKS]
    named = {}
    for index, (name, vlan, mtu) in enumerate(zip(NETWORKS, vlans, mtus, strict=True)):
        four = IPv4Network(f"192.168.{index}.0/24")
        six = make.network("", 1, f"2001:db8:{index}::/64", f"2001:db8:{index}::1").subnets[0]
        subnets = (Subnet(four, four[1]), six)
        named[name] = Network(name, VlanId(vlan), subnets=subnets, mtu=mtu)
    return named | {"wan": make.WAN}


def addresses(network: str, number: int) -> st.SearchStrategy[tuple[InterfaceAddress, ...]]:
    index = NETWORKS.index(network) if network in NETWORKS else 9
    four = InterfaceAddress(f"192.168.{index}.{number}/24")
    six = InterfaceAddress(f"2001:db8:{index}::{number}/64")
    other = InterfaceAddress(f"192.168.{index}.{number + 100}/24")
    return st.sampled_from([(), (four,), (six,), (four, six), (other, four), (other,)])


@st.composite
def ports(draw: st.DrawFn, number: int) -> Port:
    names = draw(st.permutations(NETWORKS))[: draw(st.integers(1, 3))]
    native = draw(st.booleans()) or len(names) == 1
    seats = tuple(
        Attachment(name, not (native and place == 0), draw(addresses(name, number)))
        for place, name in enumerate(names)
    )
    return Port(seats)


@st.composite
def machines(draw: st.DrawFn) -> tuple[Machine, ...]:
    devices = draw(st.permutations(DEVICES))
    made = []
    for number, name in enumerate(draw(st.sets(st.sampled_from(["a", "b", "c"])))):
        port = draw(ports(10 + number))
        first = Port(port.attachments, device=draw(st.sampled_from([None, devices[number]])))
        kind = draw(st.sampled_from(list(MachineKind)))
        made.append(Machine(name, kind, "host1", (first, draw(ports(20 + number)))))
    return tuple(made)


@st.composite
def routers(draw: st.DrawFn) -> tuple[Router, ...]:
    if not draw(st.booleans()):
        return ()
    inside = tuple(draw(st.permutations(NETWORKS))[: draw(st.integers(1, 3))])
    allow = (Allow(inside[0], inside[-1]),) if draw(st.booleans()) else ()
    edge = make.edge(*allow, networks=inside)
    return (edge if draw(st.booleans()) else Router("edge", "host1", inside, allow=allow),)


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    trunk, way_out = draw(st.permutations(NICS))
    seats = draw(st.sets(st.sampled_from(NETWORKS)))
    own = tuple(HostPort(name, draw(addresses(name, 5))) for name in sorted(seats))
    return make.host(
        make.uplink(trunk, *draw(st.permutations(NETWORKS))[: draw(st.integers(0, 3))]),
        make.uplink(way_out, "wan"),
        local=NETWORKS,
        ports=own,
        switching=draw(st.sampled_from(list(Switching))),
    )


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Return a site of host `host1` with NICs eno1 and eno2."""
    named = draw(networks())
    return make.site((draw(hosts()),), draw(machines()), draw(routers()), tuple(named.values()))
