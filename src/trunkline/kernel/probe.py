"""What this kernel can do, found out by doing each thing once in a scratch namespace.

Neither /proc/config.gz nor lsmod is asked: a feature may be built in, a module that loads on
demand, or forbidden in this container; trying knows.
"""

from __future__ import annotations

import fcntl
import functools
import os
import struct
from concurrent.futures import ThreadPoolExecutor

from trunkline.capabilities import Capabilities
from trunkline.errors import HostError, KernelError
from trunkline.kernel import ebpf, namespaces, nft, sysctl
from trunkline.kernel.netlink import link
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.state import NftTable

_BRIDGE, _PORT, _IDLE, _VLAN, _VXLAN, _FILTERING = range(1001, 1007)
"""The ifindexes of the trials. The low ones may be taken: some kernels put tunl0, sit0 and others
into every new namespace (net.core.fb_tunnels_only_for_init_net)."""

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000

_ROUTER_RULES = """
chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
}
chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 192.0.2.0/24 oifname "wan" masquerade
}
"""
_BRIDGE_RULES = """
chain forward {
    type filter hook forward priority filter; policy accept;
    ether type arp arp operation request accept
}
"""


@functools.cache
def capabilities() -> Capabilities:
    """Return what this kernel and its tools can do; tried once in a process."""
    with ThreadPoolExecutor() as pool, namespaces.scratch(), NetlinkSocket() as netlink:
        # Half of the time is spent waiting: for nft, and for the kernel's RCU grace periods.
        inet = pool.submit(_loads, NftTable("", "inet", nft.PREFIX, _ROUTER_RULES))
        bridging = pool.submit(_loads, NftTable("", "bridge", nft.PREFIX, _BRIDGE_RULES))
        tap = pool.submit(_tap)
        bridge = _creates(netlink, link.create(1, _BRIDGE, "bridge", "bridge"))
        pair = link.create_veth(1, _PORT, "port", b"", _IDLE, "idle", b"")
        veth = _creates(netlink, pair)
        filtering = link.bridge_data(vlan_filtering=True)
        return Capabilities(
            release=os.uname().release,
            bridge=bridge,
            veth=veth,
            tap=tap.result(),
            vlan_devices=_creates(netlink, link.create_vlan(1, _VLAN, "vlan", _BRIDGE, 10, b"")),
            vlan_filtering=_creates(
                netlink, link.create(1, _FILTERING, "filtering", "bridge", data=filtering)
            ),
            ebpf_vlan=veth and _ebpf_vlan(),
            vxlan=_creates(netlink, link.create_vxlan(1, _VXLAN, "vxlan", 10)),
            nft=inet.result(),
            nft_bridge=bridging.result(),
            br_netfilter=sysctl.exists("net/bridge/bridge-nf-call-iptables"),
            ipv6=sysctl.exists("net/ipv6/conf/all/disable_ipv6"),
        )


def _creates(netlink: NetlinkSocket, request: bytes) -> bool:
    return netlink.batch([request]) == []


def _tap() -> bool:
    """Return whether a tap can be made; it goes with its descriptor."""
    with namespaces.scratch():
        return _opens_tap()


def _opens_tap() -> bool:
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"tap", _IFF_TAP | _IFF_NO_PI))
    except OSError:
        return False
    finally:
        os.close(device)
    return True


def _ebpf_vlan() -> bool:
    """Return whether an eBPF VLAN device can be made and is seen."""
    try:
        ebpf.attach_vlan(_PORT, _IDLE, 10)
    except (KernelError, HostError):
        return False
    return ebpf.read_vlans([_PORT]) == {_PORT: (_IDLE, 10)}


def _loads(table: NftTable) -> bool:
    """Return whether nft exists and the kernel takes the table."""
    try:
        with namespaces.scratch():
            nft.replace(table)
    except (KernelError, HostError):
        return False
    return True
