"""The site file: what is read, what is refused, and what people are told."""

from __future__ import annotations

import re
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path

import pytest
import yaml

from tests import broken_sites
from trunkline import manifest, problems
from trunkline.errors import SiteError
from trunkline.intent import (
    Allow,
    Attachment,
    DhcpPool,
    Expect,
    Expectation,
    External,
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
    Uplink,
    VlanDevices,
)
from trunkline.sitefile import document, yamltree
from trunkline.values import InterfaceAddress, InterfaceName, MacAddress, VlanId
from trunkline.verify import expectations, matrix

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
WALKTHROUGH = (ROOT / "examples" / "walkthrough.yaml").read_bytes()
BROKEN = broken_sites.sites()

needs_libyaml = pytest.mark.skipif(
    not yaml.__with_libyaml__, reason="PyYAML has no libyaml here, whose words these are"
)

EVERY_FIELD = b"""\
site: every-field
networks:
  red:
    vlan: 10
    mtu: 9000
    subnets:
      - cidr: 192.168.10.0/24
        gateway: 192.168.10.1
        dhcp: {pool: 192.168.10.100 - 192.168.10.199}
      - cidr: fd00:a::/64
  blue: {vlan: 0x14, subnets: [{cidr: 192.168.20.0/24, gateway: 192.168.20.1}]}
  wan:
    untagged: true
    external: true
    bridge: br0
    subnets: [{cidr: 192.168.1.0/24, gateway: 192.168.1.1}]
hosts:
  host1:
    uplinks:
      lan: {device: eth0, mac: 00-0C-29-27-D5-3B, networks: [red, blue], addresses: [10.0.0.1/8]}
      way: {device: eth1, networks: [wan]}
    vlan_devices: ebpf
    ports: [{network: wan, addresses: [192.168.1.7/24, "FE80::7/64"], default_route: true}]
  host2: {local: [red], switching: vlan-aware}
vms:
  vm1:
    host: host1
    ports:
      - {network: red, mac: 52:54:00:12:34:56, addresses: [192.168.10.10/255.255.255.0]}
      - native: red
        addresses: [192.168.10.11/24]
        tagged: [blue]
        device: vnet7
containers:
  box: {host: host1, ports: [{tagged: [{network: blue, addresses: [192.168.20.10/24]}, red]}]}
routers:
  edge:
    host: host1
    networks: [red, blue]
    external: {network: wan, address: 192.168.1.9/24, snat: true}
    allow: [{from: red, to: blue}, {from: wan, to: red}]
expectations:
  - {from: vm1, to: 8.8.8.8, expect: reachable}
  - {from: outside, to: red, expect: isolated}
"""


def test_every_field_arrives() -> None:
    address = InterfaceAddress
    red = Network(
        "red",
        VlanId(10),
        mtu=9000,
        subnets=(
            Subnet(
                IPv4Network("192.168.10.0/24"),
                IPv4Address("192.168.10.1"),
                DhcpPool(IPv4Address("192.168.10.100"), IPv4Address("192.168.10.199")),
            ),
            Subnet(IPv6Network("fd00:a::/64")),
        ),
    )
    blue_net, wan_net = IPv4Network("192.168.20.0/24"), IPv4Network("192.168.1.0/24")
    blue = Network("blue", VlanId(20), subnets=(Subnet(blue_net, IPv4Address("192.168.20.1")),))
    wan = Network(
        "wan",
        external=True,
        subnets=(Subnet(wan_net, IPv4Address("192.168.1.1")),),
        bridge=InterfaceName("br0"),
    )
    lan = Uplink(
        "lan",
        InterfaceName("eth0"),
        ("red", "blue"),
        MacAddress("00:0c:29:27:d5:3b"),
        (address("10.0.0.1/8"),),
    )
    way = Uplink("way", InterfaceName("eth1"), ("wan",))
    seat = HostPort("wan", (address("192.168.1.7/24"), address("fe80::7/64")), default_route=True)
    host1 = Host("host1", (lan, way), ports=(seat,), vlan_devices=VlanDevices.EBPF)
    host2 = Host("host2", local=("red",), switching=Switching.VLAN_AWARE)
    access = Port(
        (Attachment("red", addresses=(address("192.168.10.10/24"),)),),
        MacAddress("52:54:00:12:34:56"),
    )
    trunk = Port(
        (
            Attachment("red", addresses=(address("192.168.10.11/24"),)),
            Attachment("blue", tagged=True),
        ),
        device=InterfaceName("vnet7"),
    )
    tagged = Port(
        (
            Attachment("blue", tagged=True, addresses=(address("192.168.20.10/24"),)),
            Attachment("red", tagged=True),
        )
    )
    edge = Router(
        "edge",
        "host1",
        ("red", "blue"),
        External("wan", address("192.168.1.9/24"), snat=True),
        (Allow("red", "blue"), Allow("wan", "red")),
    )
    assert manifest.parse(EVERY_FIELD, "site.yaml") == Site(
        "every-field",
        {"red": red, "blue": blue, "wan": wan},
        {"host1": host1, "host2": host2},
        {
            "vm1": Machine("vm1", MachineKind.VM, "host1", (access, trunk)),
            "box": Machine("box", MachineKind.CONTAINER, "host1", (tagged,)),
        },
        {"edge": edge},
        (
            Expectation("vm1", "8.8.8.8", Expect.REACHABLE),
            Expectation("outside", "red", Expect.ISOLATED),
        ),
    )


@needs_libyaml
@pytest.mark.parametrize("name", BROKEN)
def test_broken_site_is_explained(name: str) -> None:
    """The text beside a broken site is exactly what people see."""
    path = broken_sites.FOLDER / f"{name}.yaml"
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert broken_sites.said_of(path.read_bytes(), path.name) == expected != ""


def test_broken_sites_are_those_of_the_script() -> None:
    files = {path.stem: path.read_bytes() for path in broken_sites.FOLDER.glob("*.yaml")}
    assert files == BROKEN
    assert {path.stem for path in broken_sites.FOLDER.glob("*.txt")} == set(BROKEN)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_sound_and_explained(path: Path) -> None:
    """An example parses, opens with its idea, and expects what the network will do."""
    site = manifest.parse(path.read_bytes(), path.name)
    assert path.read_text(encoding="utf-8").startswith("# ")
    promised = matrix.expected(site)
    for each in site.expectations:
        pairs, reason = expectations.resolve(site, each)
        assert pairs, reason
        for pair in pairs:
            if pair in promised:
                assert promised[pair].expected is each.expect, (each, promised[pair].reason)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("52:54:00:11:22:33", "52:54:00:11:22:33"),
        ("1:30", "1:30"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("2026-11-23", "2026-11-23"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("192.168.1.1", "192.168.1.1"),
        ("=", "="),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("Null", None),
        ("", None),
        ("10", 10),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("'10'", "10"),
        ('"true"', "true"),
        ('"~"', "~"),
    ],
)
def test_scalars_follow_yaml_1_2(written: str, read: object) -> None:
    found = document.load(f"key: {written}\n".encode(), "x").data
    assert found == {"key": read}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(read)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_pure_python_parser_reads_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libyaml a site is read more slowly, not differently."""
    fast = document.load(path.read_bytes(), "x")
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    slow = document.load(path.read_bytes(), "x")
    assert slow == fast


def test_positions_are_those_of_keys_and_values() -> None:
    read = document.load(b'a:\n  "b c": {d: [1, x]}\n', "x")
    path = ("a", "b c", "d", 1)
    assert (read.find(path).line, read.find(path).column) == (2, 18)
    assert (read.find_key(path[:3]).line, read.find_key(path[:3]).column) == (2, 11)
    assert read.find((*path, "deeper", 3)).path == path
    assert read.find_key(("a", "nothing")).path == ("a",)


def refused(data: bytes) -> SiteError:
    with pytest.raises(SiteError) as caught:
        manifest.parse(data, "site.yaml")
    return caught.value


def test_a_huge_file_is_refused_unread() -> None:
    error = refused(b"#" * (document.MAX_BYTES + 1))
    assert [p.message for p in error.problems] == ["the file has 16 MiB, a site file at most 16"]
    assert problems.text(error) == "site.yaml: the file has 16 MiB, a site file at most 16\n"


def test_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamltree, "MAX_VALUES", 1000)
    error = refused(b"site: [" + b"a," * 1000 + b"]")
    assert [p.message for p in error.problems] == ["more than 1000 values"]


def test_a_deep_file_ends_at_the_limit_in_either_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    error = refused(b"a: " + b"[" * 5000)
    assert [p.message for p in error.problems] == ["nested deeper than 32 levels"]


def test_a_problem_of_every_kind_comes_in_one_run() -> None:
    """Syntax of values, shape of objects and rules between objects do not hide each other."""
    error = refused(BROKEN["many-at-once"])
    assert {problem.where.partition(".")[0].partition("[")[0] for problem in error.problems} == {
        "site",
        "networks",
        "hosts",
        "vms",
        "expectations",
    }
    assert len(error.problems) == 13


def test_a_broken_object_is_not_called_missing() -> None:
    text = WALKTHROUGH.replace(b"vlan: 20", b"vlan: 4095")
    assert [problem.where for problem in refused(text).problems] == ["networks.blue.vlan"]


def test_the_page_about_the_site_file_is_true() -> None:
    """Its site is valid, and its errors are what that site gets after three slips of the pen."""
    page = (ROOT / "docs" / "site-file.md").read_text(encoding="utf-8")
    site, errors = re.findall(r"^```(?:yaml)?\n(.*?)^```$", page, re.S | re.M)
    manifest.parse(site.encode(), "site.yaml")
    for right, wrong in (
        ("vlan: 10,", "vlan: 4095,"),
        ("addresses: [192.168.20.10/24]", "addresses: [192.168.21.10/24]"),
        ("to: outside", "to: otuside"),
    ):
        assert right in site
        site = site.replace(right, wrong, 1)
    assert broken_sites.said_of(site.encode(), "site.yaml") == errors


def test_the_core_does_not_load_the_parsers() -> None:
    """`trunkline --help` pays for neither PyYAML nor pydantic."""
    code = (
        "import sys; import trunkline.manifest, trunkline.problems; "
        "print([m for m in ('yaml', 'pydantic') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert found.stdout == "[]\n"
