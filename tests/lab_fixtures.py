"""Sites for the tests of labs and of verify."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from trunkline import manifest
from trunkline.intent import Site
from trunkline.lab import lifecycle, registry

ROUTED = pytest.mark.needs("nft")
TIMEOUT = 0.6
"""Seconds that probes may take."""

EXAMPLES = Path(__file__).parent.parent / "examples"
WALKTHROUGH = EXAMPLES / "walkthrough.yaml"

ALLOWED = """
site: allowed
networks:
  red:  {vlan: 10, subnets: [{cidr: 10.0.1.0/24, gateway: 10.0.1.1}]}
  blue: {vlan: 20, subnets: [{cidr: 10.0.2.0/24, gateway: 10.0.2.1}]}
  wan:  {untagged: true, external: true, subnets: [{cidr: 10.0.9.0/24, gateway: 10.0.9.1}]}
hosts:
  h1:
    uplinks: {lan: {device: eth1, networks: [red, blue]}, wan: {device: eth0, networks: [wan]}}
    ports: [{network: blue, addresses: [10.0.2.5/24], default_route: true}]
vms:
  r1: {host: h1, ports: [{network: red, addresses: [10.0.1.11/24]}]}
  b1: {host: h1, ports: [{network: blue, addresses: [10.0.2.11/24]}]}
  w1: {host: h1, ports: [{network: wan, addresses: [10.0.9.11/24]}]}
routers:
  gw:
    host: h1
    networks: [red, blue]
    allow: [{from: red, to: blue}]
    external: {network: wan, address: 10.0.9.2/24, snat: true}
"""
"""One host with everything on it, and a router that allows one direction."""

PAIR = """
site: pair
networks:
  red:  {vlan: 10, subnets: [{cidr: 192.168.100.0/24}]}
  blue: {vlan: 20, subnets: [{cidr: 192.168.100.0/24}]}
hosts:
  h1: {uplinks: {lan: {device: eth0, networks: [red, blue]}}}
  h2: {uplinks: {lan: {device: eth0, networks: [red, blue]}}}
vms:
  a: {host: h1, ports: [{network: red, device: vnet0, addresses: [192.168.100.10/24]}]}
  b: {host: h2, ports: [{network: red, device: vnet0, addresses: [192.168.100.11/24]}]}
  c: {host: h1, ports: [{network: blue, device: vnet1, addresses: [192.168.100.10/24]}]}
expectations:
  - {from: a, to: b, expect: reachable}
  - {from: red, to: blue, expect: isolated}
"""
"""Two hosts, no router, and the same subnet in two VLANs."""


MODELS = [
    pytest.param({"vlan_devices": "ebpf"}, id="ebpf", marks=pytest.mark.needs("ebpf_vlan")),
    pytest.param({"vlan_devices": "kernel"}, id="kernel", marks=pytest.mark.needs("vlan_devices")),
    pytest.param(
        {"switching": "vlan-aware"},
        id="vlan-aware",
        marks=pytest.mark.needs("vlan_devices", "vlan_filtering"),
    ),
]
"""Every way to build a host's switch, as keys of a host."""


def walkthrough() -> Site:
    return manifest.parse(WALKTHROUGH.read_bytes(), WALKTHROUGH.name)


def site(text: str) -> Site:
    return manifest.parse(text.encode(), "site.yaml")


def with_hosts(text: str | bytes, **keys: Any) -> bytes:
    """Return the site in *text* with *keys* set on every host; JSON is YAML too."""
    read = yaml.load(text, yaml.BaseLoader)
    for host in read["hosts"].values():
        host.update(keys)
    return json.dumps(_typed(read)).encode()


def _typed(value: Any) -> Any:
    """Return what BaseLoader reads as text with its numbers and truth values."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if value in ("true", "false"):
        return value == "true"
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def fresh_lab(unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield a lab's name, with a run directory of its own; the lab is gone afterwards."""
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path / "run"))
    yield unique
    for lab in registry.known():
        lifecycle.down(lab)
    assert servers(unique) == []


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def servers(lab: str) -> list[int]:
    """Return the processes that were started for *lab*, wherever they are now."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"trunkline.lab.outside" in words and lab.encode() in words:
                found.append(int(entry.name))
    return found
