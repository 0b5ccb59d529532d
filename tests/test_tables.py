from __future__ import annotations

import csv
import io
import json
import subprocess

import pytest
import yaml

from tests import diagram_cases
from trunkline import inventory, tables
from trunkline.inventory import Field, Listing, Value
from trunkline.state import ROOT, Bridge, BridgePort, Tap, host_state
from trunkline.tables import Format
from trunkline.values import MacAddress, VlanId


def small(*rows: tuple[Value, ...]) -> Listing:
    fields = (Field("host"), Field("ifname", "port"), Field("tagged"), Field("stp", wide=True))
    items = tuple(dict(zip((f.name for f in fields), row, strict=True)) for row in rows)
    return Listing("PortList", fields, items, ("host", "ifname"))


TWO = small(("h1", "eth0", (10, 11, 12, 20), False), ("主机", "vnet|1", (), None))


def test_a_table_aligns_by_cells_and_never_leaves_a_gap() -> None:
    assert tables.render(TWO, Format.TABLE) == (
        "HOST   PORT     TAGGED\nh1     eth0     10-12,20\n主机   vnet|1   -\n"
    )


def test_a_wide_table_has_all_fields() -> None:
    assert tables.render(TWO, Format.WIDE).splitlines()[1].split() == [
        "h1",
        "eth0",
        "10-12,20",
        "no",
    ]


def test_a_table_without_header() -> None:
    assert tables.render(TWO, Format.TABLE, header=False).startswith("h1     eth0     10")
    assert tables.render(small(), Format.TABLE, header=False) == ""
    assert tables.render(small(), Format.TABLE) == "HOST   PORT   TAGGED\n"


def test_names_are_one_a_line() -> None:
    assert tables.render(TWO, Format.NAME) == "h1/eth0\n主机/vnet|1\n"


def test_csv_reads_back() -> None:
    rows = list(csv.reader(io.StringIO(tables.render(TWO, Format.CSV))))
    assert rows == [
        ["host", "ifname", "tagged", "stp"],
        ["h1", "eth0", "10 11 12 20", "false"],
        ["主机", "vnet|1", "", ""],
    ]


def test_markdown_escapes_the_bar() -> None:
    assert tables.render(TWO, Format.MARKDOWN) == (
        "| host | port | tagged |\n"
        "| --- | --- | --- |\n"
        "| h1 | eth0 | 10-12,20 |\n"
        "| 主机 | vnet\\|1 | - |\n"
    )


def test_json_and_yaml_are_one_versioned_document() -> None:
    document = {
        "apiVersion": "trunkline/v1",
        "kind": "PortList",
        "items": [
            {"host": "h1", "ifname": "eth0", "tagged": [10, 11, 12, 20], "stp": False},
            {"host": "主机", "ifname": "vnet|1", "tagged": [], "stp": None},
        ],
    }
    assert json.loads(tables.render(TWO, Format.JSON)) == document
    assert yaml.safe_load(tables.render(TWO, Format.YAML)) == document


def test_yaml_keeps_a_mac_a_text_and_a_vlan_a_number() -> None:
    """`52:54:00:12:34:56` is a number of base sixty in YAML 1.1."""
    mac = MacAddress("52:54:00:12:34:56")
    listing = small((mac, "x", (VlanId(10),), None))
    (item,) = yaml.safe_load(tables.render(listing, Format.YAML))["items"]
    assert (item["host"], item["tagged"]) == ("52:54:00:12:34:56", [10])


def test_tables_show_no_control_characters() -> None:
    listing = small(("h\x1b[2J", "a\rb", ("\x07",), None))
    for format in (Format.TABLE, Format.MARKDOWN, Format.NAME):
        assert not set(tables.render(listing, format)) & {"\x1b", "\r", "\x07"}


@pytest.mark.parametrize("kind", inventory.KINDS)
@pytest.mark.parametrize("format", Format)
def test_every_list_has_every_format(kind: str, format: Format) -> None:
    site = diagram_cases.walkthrough()
    states = {host: diagram_cases.walkthrough_state(host) for host in site.hosts}
    listing = inventory.listing(kind, states, site)
    text = tables.render(listing, format)
    lines = len(text.splitlines())
    match format:
        case Format.JSON:
            assert len(json.loads(text)["items"]) == len(listing.items)
        case Format.YAML:
            assert len(yaml.safe_load(text)["items"]) == len(listing.items)
        case Format.NAME:
            assert lines == len(listing.items)
        case Format.MARKDOWN:
            assert lines == len(listing.items) + 2
        case _:
            assert lines == len(listing.items) + 1


@pytest.mark.kernel
@pytest.mark.needs("bridge", "tap")
def test_brctl_style_is_what_brctl_prints(scratch_namespace: str) -> None:
    """Byte for byte, on a real kernel: an empty bridge, and one with two ports."""
    inside = ("ip", "netns", "exec", scratch_namespace)
    mac = MacAddress("02:00:00:00:00:01")
    for command in (
        "ip link add br-one type bridge",
        f"ip link set br-one address {mac}",
        "ip link add empty type bridge stp_state 1",
        f"ip link set empty address {mac}",
        "ip tuntap add tap0 mode tap",
        "ip tuntap add tap1 mode tap",
        "ip link set tap0 master br-one",
        "ip link set tap1 master br-one",
    ):
        subprocess.run([*inside, *command.split()], check=True, timeout=10)
    shown = subprocess.run(
        [*inside, "brctl", "show"], check=True, timeout=10, capture_output=True, text=True
    ).stdout
    state = host_state(
        [
            Bridge(ROOT, "br-one", mac=mac),
            Bridge(ROOT, "empty", mac=mac, stp=True),
            *(Tap(ROOT, tap) for tap in ("tap0", "tap1")),
            *(BridgePort(ROOT, tap, "br-one") for tap in ("tap0", "tap1")),
        ]
    )
    assert tables.brctl(inventory.listing("bridges", {"h": state})) == shown
