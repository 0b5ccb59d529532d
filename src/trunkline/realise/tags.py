"""Which tags a port may send: none on an access port, one on a trunk port.

A Linux bridge without VLAN filtering forwards a tag as a part of the frame. So a machine on an
untagged network could write a VLAN's tag on a frame itself, and the uplink that carries both would
take it there (P-46); one that filters looks at the outer tag only, and the inner one comes out
where the outer one is taken off (P-47). The rules are the same everywhere, the ports are sets.

Tags that somebody has a VLAN device for never get here: 8021q and the eBPF programs take them
before the bridge sees the frame (P-41). So in a bridge for each network every port is an access
port, trunks and VLAN devices too. A priority tag, which names no VLAN, is allowed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from trunkline.errors import HostError
from trunkline.state import BridgePort, NftTable, PortVlan, Row

_CHAIN = """\
chain prerouting {
	type filter hook prerouting priority dstnat; policy accept;
	iifname @access vlan id != 0 drop
	iifname @access vlan type { 8021q, 8021ad } drop
	iifname @access ether type 8021ad drop
	iifname @trunk vlan type { 8021q, 8021ad } drop
	iifname @trunk ether type 8021ad drop
}"""


def tables(namespace: str, name: str, rows: Iterable[Row]) -> Iterator[NftTable]:
    """Yield the table for the bridge ports among *rows* in *namespace*; none without a port."""
    ports: set[str] = set()
    tagged: set[str] = set()
    for row in rows:
        if isinstance(row, BridgePort) and row.namespace == namespace:
            ports.add(row.port)
        elif isinstance(row, PortVlan) and row.namespace == namespace and not row.untagged:
            tagged.add(row.port)  # (the bridge itself may be among these, and is no port)
    if not ports:
        return
    sets = (_set("access", ports - tagged), _set("trunk", ports & tagged))
    yield NftTable(namespace, "bridge", name, "\n\n".join((*sets, _CHAIN)))


def _set(name: str, ports: Iterable[str]) -> str:
    lines = ["type ifname"]
    if elements := ", ".join(f'"{_quotable(port)}"' for port in sorted(ports, key=_place)):
        lines.append(f"elements = {{ {elements} }}")
    return f"set {name} {{\n{textwrap.indent(chr(10).join(lines), chr(9))}\n}}"


def _place(port: str) -> int:
    """Return what nft sorts names by when it lists a set: their bytes as a number."""
    return int.from_bytes(port.encode(), "little")


def _quotable(port: str) -> str:
    """Return *port* if nft takes it for a name: it has no escapes, and a wildcard at the end."""
    if '"' in port or port.endswith("*") or "\\" in port:
        raise HostError(
            f"bridge port '{port}': nft has no way to write that name",
            hint='give the device a name without `"`, `\\` and `*`',
        )
    return port
