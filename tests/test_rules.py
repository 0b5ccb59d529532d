"""Rules between the objects of a site, also of sites that come from no file.

What each rule says is in tests/cases/broken, one file for each; here is what must *not* be
refused, and what holds for every rule.
"""

from __future__ import annotations

import pytest

from tests.broken_site_edits import SOUND
from trunkline import manifest, rules
from trunkline.errors import SiteError
from trunkline.intent import Attachment, Host, Machine, MachineKind, Network, Port, Site
from trunkline.sitefile import document, shape
from trunkline.values import MacAddress, VlanId


def changed(*pairs: tuple[str, str]) -> bytes:
    text = SOUND
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def where(data: bytes) -> list[str]:
    try:
        manifest.parse(data, "site.yaml")
    except SiteError as error:
        return [problem.where for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("192.168.20.", "192.168.30.", id="any-subnet"),
        pytest.param("host2", "host-2_B", id="punctuation"),
        pytest.param("local: [blue]", "local: []", id="network-of-another-host"),
        pytest.param("snat: true}}", "snat: true}, allow: [{from: wan, to: red}]}", id="way-in"),
        pytest.param("to: vm2, expect", "to: '2001:db8::1', expect", id="ipv6-target"),
        pytest.param("to: vm2, expect", "to: wan, expect", id="external-network"),
        pytest.param("from: vm1, to: vm2", "from: red, to: red", id="within-a-network"),
    ],
)
def test_sound_variations_are_accepted(old: str, new: str) -> None:
    assert old in SOUND
    assert where(SOUND.replace(old, new).encode()) == []


def test_overlapping_subnets_of_separate_networks_are_two_worlds() -> None:
    """VLANs separate addresses too; only a router with a leg in both could not tell them apart."""
    text = changed(
        ("192.168.20.0/24, gateway: 192.168.20.1", "192.168.10.0/24, gateway: 192.168.10.1"),
        ("host: host1, networks: [red, blue], external", "host: host1, networks: [red], external"),
    )
    assert where(text) == []


def test_a_host_may_be_the_gateway_where_no_router_is() -> None:
    port = "ports: [{network: blue, addresses: [192.168.20.1/24]}]"
    with_router = changed(("local: [blue]}", f"local: [blue], {port}}}"))
    without = with_router.replace(b"networks: [red, blue], external", b"networks: [red], external")
    assert where(with_router) == ["hosts.host2.ports[0].addresses[0]"]
    assert where(without) == []


def test_an_address_on_the_nic_is_fine_where_only_tags_pass() -> None:
    """Untagged frames never reach a bridge there, so the host's own address lives on."""
    lan = 'lan: {device: eth0, mac: "00:0c:29:27:d5:3b", networks: [red, blue]'
    assert where(changed((lan, f"{lan}, addresses: [10.0.0.5/24]"))) == []


def test_point_to_point_subnets_have_no_network_address() -> None:
    text = changed(
        ("192.168.1.0/24, gateway: 192.168.1.1", "192.168.1.0/31, gateway: 192.168.1.0"),
        ("192.168.1.9/24", "192.168.1.1/31"),
    )
    assert where(text) == []


def test_link_local_addresses_belong_to_every_network() -> None:
    assert where(changed(("192.168.10.20/24", '"fe80::20/64"'))) == []


def test_same_device_name_on_two_hosts() -> None:
    text = changed(
        ("{network: red, mac:", "{network: red, device: vnet0, mac:"),
        (
            "{network: red, addresses: [192.168.10.20",
            "{network: red, device: vnet0, addresses: [192.168.10.20",
        ),
    )
    assert where(text) == []


def test_long_names_do_not_collide() -> None:
    """Shortened names carry a hash of the whole."""
    one, two = "averyveryverylongname-one", "averyveryverylongname-two"
    text = SOUND.replace("vm1", one).replace("vm2", two).replace("host: host2", "host: host1")
    assert where(text.encode()) == []


def test_a_misspelt_network_of_a_host_is_said_once() -> None:
    """Not once more for every machine that needs it."""
    assert where(changed(("networks: [red, blue]}", "networks: [red, bleu]}"))) == [
        "hosts.host1.uplinks.lan.networks[1]"
    ]


def test_a_misspelt_section_is_said_once() -> None:
    assert where(changed(("networks:\n", "netwroks:\n"))) == ["netwroks"]


def test_what_is_left_out_does_not_renumber_the_rest() -> None:
    text = changed(("expect: reachable", "expect: rechable"), ("to: blue,", "to: blew,"))
    assert where(text) == ["expectations[0].expect", "expectations[1].to"]


def test_a_site_without_a_file_has_problems_without_a_place() -> None:
    red = Network("red", VlanId(10))
    host = Host("host1", local=("red",))
    nic = Port((Attachment("blue"),), mac=MacAddress("52:54:00:00:00:01"))
    twin = Port((Attachment("red"),), mac=MacAddress("52:54:00:00:00:01"))
    machine = Machine("vm1", MachineKind.VM, "host1", (nic, twin))
    found = rules.check(Site("small", {"red": red}, {"host1": host}, {"vm1": machine}))
    assert [(p.line, p.column, p.where, p.message) for p in found] == [
        (0, 0, "vms.vm1.ports[0].network", "there is no network 'blue'"),
        (
            0,
            0,
            "vms.vm1.ports[1].mac",
            "MAC address 52:54:00:00:00:01 is already vms.vm1.ports[0].mac",
        ),
    ]


def test_checking_a_sound_site_finds_nothing() -> None:
    read = document.load(SOUND.encode(), "site.yaml")
    fitted = shape.fitted(read)
    assert fitted.file is not None
    assert rules.check(manifest.site_of(fitted.file), fitted.positions) == []
