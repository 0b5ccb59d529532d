"""Whole files that are no site, or break one in ways that an edit of a sound one does not show."""

# ruff: noqa: E501 - what stands in a file in one line, stands here in one line
from __future__ import annotations

WHOLE: dict[str, bytes] = {
    "empty": b"",
    "only-comment": b"# nothing yet\n",
    "only-marker": b"---\n",
    "only-text": b"trunkline\n",
    "only-number": b"42\n",
    "only-list": b"- site\n- small\n",
    "only-site": b"site: small\n",
    "no-hosts": b"site: small\nhosts: {}\n",
    "no-hosts-null": b"site: small\nhosts:\n",
    "empty-mapping": b"{}\n",
    "json": b'{"site": "small", "hosts": {"host1": {"uplinks": {"lan": {"device": "eth0", "vlan": 5}}}}}\n',
    "shell": b"#!/bin/sh\nbrctl addbr br0\nip link set br0 up\n",
    "xml": b"<network>\n  <name>default</name>\n</network>\n",
    "utf-16": b"\xff\xfe" + "site: small\n".encode("utf-16-le"),
    "utf-16-big": b"\xfe\xff" + "site: small\n".encode("utf-16-be"),
    "utf-16-no-mark": "site: small\n".encode("utf-16-le"),
    "nul": b"site: small\nhosts:\n  a\0b: {}\n",
    "latin-1": "site: small\n# Büro\nhosts: {}\n".encode("latin-1"),
    "bom-and-latin-1": b"\xef\xbb\xbfsite: sm\xe4ll\n",
    "control": b"site: small\nhosts: {host1: {}} # \x1b[31mred\n",
    "bom-is-fine": b"\xef\xbb\xbfsite: small\nhosts: {host1: {local: [red]}}\n",
    "deep-flow": b"site: " + b"[" * 100_000 + b"\n",
    "deep-block": b"site:\n" + b"".join(b" " * i + b"a:\n" for i in range(1, 60)),
    "billion-laughs": (
        b"a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        b"b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
        b"c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
    ),
    "alias-of-itself": b"site: small\nhosts: &h {host1: *h}\n",
    "long-line": b"site: small\nhosts: {host1: {local: [" + b"x, " * 300 + b"red], bad: 1}}\n",
    "wide": "site: 大きな網\nhosts: {主機: {}}\n".encode(),
    "tabs-inside": b"site:\t\tsmall\nhosts:\t{host1:\t{lcoal:\t[]}}\n",
    "bidi": "site: \"sm\u202eall\"\nhosts: {host1: {}}\n".encode(),
    "crlf": b"site: small\r\nhosts:\r\n  host1: {loca: []}\r\n",
    "emoji": "site: small\nhosts: {🙂: {}, host1: {uplinks: {lan: {device: 🙂🙂🙂🙂, bad: 1}}}}\n".encode(),
    "long-value": b"site: small\nhosts: {host1: {uplinks: {lan: {device: " + b"e" * 500 + b"}}}}\n",
    "long-key": b"site: small\nhosts: {host1: {" + b"k" * 500 + b": 1}}\n",
    "bare-newlines": b"\n\n\nsite: small\n\n\nhosts: {host1: 5}\n",
    "two-untagged-on-uplink": (
        b"site: small\n"
        b"networks: {one: {untagged: true}, two: {untagged: true}}\n"
        b"hosts: {host1: {uplinks: {lan: {device: eth0, networks: [one, two]}}}}\n"
    ),
    "bridge-taken": (
        b"site: small\n"
        b"networks: {one: {vlan: 1, bridge: br0}, two: {vlan: 2, bridge: br0}}\n"
        b"hosts: {host1: {local: [one, two]}, host2: {local: [one]}}\n"
    ),
    "bridge-derived-taken": (
        b"site: small\n"
        b"networks: {one: {vlan: 1}, two: {vlan: 2, bridge: brvlan-1}}\n"
        b"hosts: {host1: {local: [one, two]}}\n"
    ),
    "bridge-is-nic": (
        b"site: small\n"
        b"networks: {one: {vlan: 1, bridge: eth0}}\n"
        b"hosts: {host1: {uplinks: {lan: {device: eth0, networks: [one]}}}}\n"
    ),
    "nic-is-vlan-device": (
        b"site: small\n"
        b"networks: {one: {vlan: 1}}\n"
        b"hosts:\n"
        b"  host1: {uplinks: {a: {device: eth0, networks: [one]}, b: {device: eth0.1}}}\n"
    ),
    "vlan-aware-bridge-name": (
        b"site: small\n"
        b"networks: {one: {vlan: 1}}\n"
        b"hosts: {host1: {switching: vlan-aware, uplinks: {a: {device: brtrunk, networks: [one]}}}}\n"
    ),
    "router-network-default": (
        b"site: small\n"
        b"networks: {default: {vlan: 1, subnets: [{cidr: 10.0.0.0/24, gateway: 10.0.0.1}]}}\n"
        b"hosts: {host1: {local: [default]}}\n"
        b"routers: {edge: {host: host1, networks: [default]}}\n"
    ),
    "outside-without-external": (
        b"site: small\n"
        b"networks: {one: {vlan: 1}}\n"
        b"hosts: {host1: {local: [one]}}\n"
        b"vms: {vm1: {host: host1, ports: [{network: one}]}}\n"
        b"expectations: [{from: vm1, to: outside, expect: reachable}]\n"
    ),
    "nic-address-taken": (
        b"site: small\n"
        b"networks:\n"
        b"  lan: {untagged: true, external: true, subnets: [{cidr: 192.168.3.0/24}]}\n"
        b"hosts:\n"
        b"  host1: {uplinks: {a: {device: eth0, addresses: [192.168.3.5/24]}}, local: [lan]}\n"
        b"vms: {vm1: {host: host1, ports: [{network: lan, addresses: [192.168.3.5/24]}]}}\n"
    ),
    "two-addresses-of-two-hosts": (
        b"site: small\n"
        b"networks: {one: {vlan: 1, subnets: [{cidr: 10.0.0.0/24}]}}\n"
        b"hosts:\n"
        b"  host1: {local: [one], ports: [{network: one, addresses: [10.0.0.2/24]}]}\n"
        b"  host2: {local: [one], ports: [{network: one, addresses: [10.0.0.2/24]}]}\n"
    ),
    "default-route-no-gateway": (
        b"site: small\n"
        b"networks: {one: {vlan: 1, subnets: [{cidr: 10.0.0.0/24}]}}\n"
        b"hosts:\n"
        b"  host1:\n"
        b"    local: [one]\n"
        b"    ports: [{network: one, addresses: [10.0.0.2/24], default_route: true}]\n"
    ),
    "many-at-once": (
        b"site: my site\n"
        b"networks:\n"
        b"  red:  {vlan: 4095}\n"
        b"  blue: {vlan: 20, subnets: [{cidr: 192.168.20.0/24, gateway: 192.168.21.1}]}\n"
        b"  teal: {vlan: 20}\n"
        b"hosts:\n"
        b"  host1: {uplnks: {}}\n"
        b"  host2: {local: [red, blue, gren]}\n"
        b"vms:\n"
        b"  vm1: {host: host1, ports: [{network: red, mac: 52:54:00:00:00:01}]}\n"
        b"  vm2: {host: host2, ports: [{network: blue, mac: 52:54:00:00:00:01}]}\n"
        b"  vm3: {host: host4, ports: [{network: blue, addresses: [192.168.20.255/24]}]}\n"
        b"  vm4: {host: host2, ports: [{network: blue, mac: oops, addresses: [192.168.20.0/24]}]}\n"
        b"expectations:\n"
        b"  - {from: vm1, to: vm2, expect: maybe}\n"
        b"  - {from: vm1, to: nobody, expect: isolated}\n"
    ),
}  # fmt: skip
