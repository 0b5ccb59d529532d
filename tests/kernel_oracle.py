"""What iproute2 says a namespace holds, as rows: an independent reading to compare ours with."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from trunkline.state import Address, Bridge, BridgePort, FdbEntry, Ipv6, Nic, PortVlan, Route, Row
from trunkline.values import InterfaceAddress, MacAddress

Json = dict[str, Any]


def rows(namespace: str) -> set[Row]:
    """Return the rows of one namespace but pairs, VLAN devices and taps, which are `Nic` here."""
    found: set[Row] = set()
    links = _json("ip", "-n", namespace, "-j", "-d", "link")
    for link in links:
        if "LOOPBACK" not in link["flags"]:
            found.add(_device(namespace, link))
        slave = link.get("linkinfo", {})
        if slave.get("info_slave_kind") == "bridge":
            found.add(_port(link, slave["info_slave_data"]))
    found |= _addresses(namespace)
    found |= _routes(namespace)
    filtering = {link["ifname"] for link in links if _info(link).get("vlan_filtering")}
    found |= _fdb(namespace, filtering)
    members = {link["ifname"] for link in links if link.get("master") in filtering}
    return found | _vlans(namespace, filtering | members)


def _json(*argv: str) -> list[Json]:
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found: list[Json] = json.loads(done.stdout or "[]")
    return [row for row in found if row]


def _info(link: Json) -> Json:
    found: Json = link.get("linkinfo", {}).get("info_data", {})
    return found


def ipv6(namespace: str, link: Json) -> Ipv6:
    path = f"/proc/sys/net/ipv6/conf/{link['ifname']}/disable_ipv6"
    argv = ("ip", "netns", "exec", namespace, "cat", path)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.stdout.strip() != "0":
        return Ipv6.OFF
    return Ipv6.NO_ADDRESS if link["inet6_addr_gen_mode"] == "none" else Ipv6.ON


def _device(namespace: str, link: Json) -> Row:
    up = "UP" in link["flags"]
    kind = link.get("linkinfo", {}).get("info_kind", "")
    if kind != "bridge":
        return Nic("", link["ifname"], up, link["mtu"], link["address"], kind)
    info = _info(link)
    alias = link.get("ifalias", "")
    return Bridge(
        "",
        link["ifname"],
        alias.removeprefix("trunkline:") if alias.startswith("trunkline:") else None,
        MacAddress(link["address"]),
        link["mtu"],
        up,
        ipv6(namespace, link),
        bool(info.get("vlan_filtering")),
        info.get("vlan_default_pvid"),
        bool(info["stp_state"]),
        info["ageing_time"] // 100,
        bool(info["mcast_snooping"]),
        any(info.get(f"nf_call_{family}tables") for family in ("ip", "ip6", "arp")),
    )


def _port(link: Json, data: Json) -> BridgePort:
    return BridgePort(
        "",
        link["ifname"],
        link["master"],
        data["learning"],
        data["flood"],
        data["isolated"],
        data["hairpin"],
        data["cost"] == 8484,
    )


def _addresses(namespace: str) -> set[Row]:
    return {
        Address(
            "",
            link["ifname"],
            InterfaceAddress(f"{each['local']}/{each['prefixlen']}"),
            dynamic=each["valid_life_time"] != 0xFFFFFFFF,
        )
        for link in _json("ip", "-n", namespace, "-j", "address")
        for each in link["addr_info"]
        # Before 6.3 iproute2 does not say who made one; those of the kernel are fe80::/64 here.
        if not each["local"].startswith("fe80:")
    }


def _routes(namespace: str) -> set[Row]:
    found: set[Row] = set()
    for family, default in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        for route in _json("ip", "-n", namespace, "-j", "-N", family, "route"):
            # Without names (-N) iproute2 prints protocols as numbers.
            if int(route["protocol"]) == 2:
                continue
            target = default if route["dst"] == "default" else route["dst"]
            if "/" not in target:
                target += "/128" if ":" in target else "/32"
            metric = int(route.get("metric", 0))
            found.add(
                Route(
                    "",
                    target,
                    route.get("gateway"),
                    route["dev"],
                    0 if family == "-6" and metric == 1024 else metric,
                    int(route["protocol"]),
                )
            )
    return found


def _fdb(namespace: str, filtering: set[str]) -> set[Row]:
    return {
        FdbEntry("", entry["ifname"], entry["mac"], entry.get("vlan", 0))
        for entry in _json("bridge", "-n", namespace, "-j", "fdb")
        if entry.get("state") == "static"
        and "self" not in entry["flags"]
        # Where VLANs are not filtered, the entries of VLAN 1 are the kernel's additions.
        and (entry["master"] in filtering or "vlan" not in entry)
    }


def _vlans(namespace: str, names: set[str]) -> set[Row]:
    found: set[Row] = set()
    for port in _json("bridge", "-n", namespace, "-j", "vlan") if names else []:
        if port["ifname"] in names:
            for each in port["vlans"]:
                flags = each.get("flags", [])
                for vlan in range(each["vlan"], each.get("vlanEnd", each["vlan"]) + 1):
                    pvid, bare = "PVID" in flags, "Egress Untagged" in flags
                    found.add(PortVlan("", port["ifname"], vlan, pvid, bare))
    return found
