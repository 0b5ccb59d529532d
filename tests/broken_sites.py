"""Makes tests/cases/broken: site files that are wrong in one way each, and what is said of them.

Run `python -m tests.broken_sites` from the repository after a change here or of a message, and
read the difference before it is committed: the texts are what people see.
"""

from __future__ import annotations

from pathlib import Path

from trunkline import manifest, problems
from trunkline.errors import SiteError

FOLDER = Path(__file__).parent / "cases" / "broken"

SOUND = """\
site: small
networks:
  red:  {vlan: 10, subnets: [{cidr: 192.168.10.0/24, gateway: 192.168.10.1}]}
  blue: {vlan: 20, subnets: [{cidr: 192.168.20.0/24, gateway: 192.168.20.1}]}
  wan:  {untagged: true, external: true, subnets: [{cidr: 192.168.1.0/24, gateway: 192.168.1.1}]}
hosts:
  host1:
    uplinks:
      lan: {device: eth0, mac: "00:0c:29:27:d5:3b", networks: [red, blue]}
      way: {device: eth1, networks: [wan]}
  host2: {uplinks: {lan: {device: eth0, networks: [red]}}, local: [blue]}
vms:
  vm1: {host: host1, ports: [{network: red, mac: "52:54:00:d2:52:b3", addresses: [192.168.10.10/24]}]}
  vm2: {host: host2, ports: [{network: red, addresses: [192.168.10.20/24]}]}
containers:
  box: {host: host1, ports: [{native: red, tagged: [blue], addresses: [192.168.10.30/24]}]}
routers:
  edge: {host: host1, networks: [red, blue], external: {network: wan, address: 192.168.1.9/24, snat: true}}
expectations:
  - {from: vm1, to: vm2, expect: reachable}
  - {from: red, to: blue, expect: isolated}
"""

VM1 = '{network: red, mac: "52:54:00:d2:52:b3", addresses: [192.168.10.10/24]}'
RED = "{vlan: 10, subnets: [{cidr: 192.168.10.0/24, gateway: 192.168.10.1}]}"
HOST2 = "{uplinks: {lan: {device: eth0, networks: [red]}}, local: [blue]}"
EDGE = "{host: host1, networks: [red, blue], external: {network: wan, address: 192.168.1.9/24, snat: true}}"
ISOLATED = "{from: red, to: blue, expect: isolated}"

# name: (what stands in SOUND, what is there instead)
CHANGED: dict[str, tuple[str, str]] = {
    # the site itself
    "site-missing": ("site: small\n", ""),
    "site-empty": ("site: small", "site:"),
    "site-number": ("site: small", "site: 12"),
    "site-date": ("site: small", "site: 2026-11-23"),
    "site-list": ("site: small", "site: [small]"),
    "site-space": ("site: small", "site: my site"),
    "site-dot": ("site: small", "site: my.site"),
    "site-slash": ("site: small", "site: a/b"),
    "site-digit-first": ("site: small", "site: 1st"),
    "site-long": ("site: small", f"site: {'s' * 33}"),
    "site-quoted-empty": ("site: small", 'site: ""'),
    "site-umlaut": ("site: small", "site: büro"),
    "section-typo": ("networks:\n", "network:\n"),
    "section-unknown": ("site: small", "site: small\nversion: 2"),
    "section-case": ("hosts:", "Hosts:"),
    "section-list": (f"vms:\n  vm1: {{host: host1, ports: [{VM1}]}}\n", "vms: []\nx-vms:\n  vm1: 1\n"),
    "section-text": ("routers:\n  edge: ", "routers: none\nedge: "),
    "section-null": (f"expectations:\n  - {{from: vm1, to: vm2, expect: reachable}}\n  - {ISOLATED}", "expectations:"),
    "expectations-mapping": ("  - {from: vm1, to: vm2, expect: reachable}\n  - " + ISOLATED, "  vm1: vm2"),
    # VLAN numbers
    "vlan-0": ("vlan: 10", "vlan: 0"),
    "vlan-4095": ("vlan: 10", "vlan: 4095"),
    "vlan-4096": ("vlan: 10", "vlan: 4096"),
    "vlan-negative": ("vlan: 10", "vlan: -1"),
    "vlan-leading-zero": ("vlan: 10", "vlan: 010"),
    "vlan-leading-zero-decimal": ("vlan: 10", "vlan: 08"),
    "vlan-quoted": ("vlan: 10", 'vlan: "10"'),
    "vlan-word": ("vlan: 10", "vlan: ten"),
    "vlan-float": ("vlan: 10", "vlan: 10.0"),
    "vlan-float-exponent": ("vlan: 10", "vlan: 1e1"),
    "vlan-true": ("vlan: 10", "vlan: true"),
    "vlan-null": ("vlan: 10", "vlan:"),
    "vlan-tilde": ("vlan: 10", "vlan: ~"),
    "vlan-list": ("vlan: 10", "vlan: [10, 11]"),
    "vlan-range": ("vlan: 10", "vlan: 10-12"),
    "vlan-mapping": ("vlan: 10", "vlan: {id: 10}"),
    "vlan-huge": ("vlan: 10", "vlan: 99999999999999999999999999"),
    "vlan-hexadecimal-huge": ("vlan: 10", "vlan: 0xfffffff"),
    "vlan-underscore": ("vlan: 10", "vlan: 1_0"),
    "vlan-infinity": ("vlan: 10", "vlan: .inf"),
    "vlan-nan": ("vlan: 10", "vlan: .nan"),
    "vlan-twice": ("vlan: 20", "vlan: 10"),
    "vlan-and-untagged": ("vlan: 10", "vlan: 10, untagged: true"),
    "vlan-missing": ("vlan: 10, ", ""),
    "untagged-false": ("untagged: true", "untagged: false"),
    "untagged-yes": ("untagged: true", "untagged: yes"),
    "untagged-off": ("untagged: true", "untagged: off"),
    "untagged-number": ("untagged: true", "untagged: 1"),
    "untagged-text": ("untagged: true", 'untagged: "true"'),
    "untagged-null": ("untagged: true", "untagged: null"),
    "vxlan": ("vlan: 10", "vxlan: 10010"),
    "vxlan-and-vlan": ("vlan: 10", "vlan: 10, vxlan: 10010"),
    # networks
    "network-null": (f"red:  {RED}", "red:"),
    "network-number": (f"red:  {RED}", "red: 10"),
    "network-list": (f"red:  {RED}", f"red: [{RED}]"),
    "network-key-typo": ("vlan: 10", "vlna: 10"),
    "network-key-subnet": ("{vlan: 10, subnets:", "{vlan: 10, subnet:"),
    "network-name-digit": (f"red:  {RED}", f"10: {RED}"),
    "network-name-space": (f"red:  {RED}", f"red one: {RED}"),
    "network-name-long": (f"red:  {RED}", f"{'r' * 40}: {RED}"),
    "network-name-outside": ("blue: {vlan", "outside: {vlan"),
    "network-name-of-host": ("blue: {vlan", "host1: {vlan"),
    "network-no": (f"red:  {RED}", f"no: {RED}"),
    "network-true": (f"red:  {RED}", f"true: {RED}"),
    "network-null-name": (f"red:  {RED}", f"~: {RED}"),
    "network-twice": ("  blue: {vlan: 20", "  red: {vlan: 20"),
    "network-three-times": ("  blue: {vlan: 20", "  red: {vlan: 21}\n  red: {vlan: 20"),
    "mtu-zero": ("vlan: 10", "vlan: 10, mtu: 0"),
    "mtu-huge": ("vlan: 10", "vlan: 10, mtu: 70000"),
    "mtu-text": ("vlan: 10", "vlan: 10, mtu: jumbo"),
    "mtu-float": ("vlan: 10", "vlan: 10, mtu: 1500.5"),
    "mtu-below-ipv6": (RED, '{vlan: 10, mtu: 1200, subnets: [{cidr: "fd00::/64", gateway: "fd00::1"}]}'),
    "bridge-long": ("vlan: 10", "vlan: 10, bridge: averyveryverylongname"),
    "bridge-slash": ("vlan: 10", "vlan: 10, bridge: br/0"),
    "bridge-space": ("vlan: 10", 'vlan: 10, bridge: "br 0"'),
    "bridge-colon": ("vlan: 10", 'vlan: 10, bridge: "br:0"'),
    "bridge-dot": ("vlan: 10", "vlan: 10, bridge: ."),
    "bridge-empty": ("vlan: 10", 'vlan: 10, bridge: ""'),
    "bridge-null": ("vlan: 10", "vlan: 10, bridge:"),
    "bridge-escape": ("vlan: 10", 'vlan: 10, bridge: "br\\e[2J"'),
    "bridge-delete": ("vlan: 10", 'vlan: 10, bridge: "br\\x7f"'),
    "bridge-lo": ("vlan: 10", "vlan: 10, bridge: lo"),
    "bridge-all": ("vlan: 10", "vlan: 10, bridge: all"),
    "bridge-format": ("vlan: 10", "vlan: 10, bridge: br%d"),
    "bridge-number": ("vlan: 10", "vlan: 10, bridge: 0"),
    # subnets
    "cidr-missing": ("{cidr: 192.168.10.0/24, gateway", "{gateway"),
    "cidr-host-bits": ("192.168.10.0/24", "192.168.10.1/24"),
    "cidr-no-prefix": ("192.168.10.0/24", "192.168.10.0"),
    "cidr-prefix-33": ("192.168.10.0/24", "192.168.10.0/33"),
    "cidr-octet": ("192.168.10.0/24", "192.168.256.0/24"),
    "cidr-word": ("192.168.10.0/24", "ten/24"),
    "cidr-number": ("192.168.10.0/24", "10"),
    "cidr-all": ("192.168.10.0/24", "0.0.0.0/0"),
    "cidr-multicast": ("192.168.10.0/24", "224.0.0.0/24"),
    "cidr-loopback": ("192.168.10.0/24", "127.0.0.0/8"),
    "cidr-list": ("192.168.10.0/24", "[192.168.10.0/24]"),
    "cidr-leading-zero": ("192.168.10.0/24", "192.168.010.0/24"),
    "subnets-mapping": ("subnets: [{cidr: 192.168.10.0/24, gateway: 192.168.10.1}]", "subnets: {cidr: 192.168.10.0/24}"),
    "subnets-text": ("subnets: [{cidr: 192.168.10.0/24, gateway: 192.168.10.1}]", "subnets: 192.168.10.0/24"),
    "subnets-of-text": ("subnets: [{cidr: 192.168.10.0/24, gateway: 192.168.10.1}]", "subnets: [192.168.10.0/24]"),
    "subnets-overlap": ("gateway: 192.168.10.1}]", "gateway: 192.168.10.1}, {cidr: 192.168.10.128/25}]"),
    "subnets-same": ("gateway: 192.168.10.1}]", "gateway: 192.168.10.1}, {cidr: 192.168.10.0/24}]"),
    "subnet-key": ("gateway: 192.168.10.1", "gatway: 192.168.10.1"),
    "gateway-outside": ("gateway: 192.168.10.1", "gateway: 192.168.11.1"),
    "gateway-network": ("gateway: 192.168.10.1", "gateway: 192.168.10.0"),
    "gateway-broadcast": ("gateway: 192.168.10.1", "gateway: 192.168.10.255"),
    "gateway-prefix": ("gateway: 192.168.10.1", "gateway: 192.168.10.1/24"),
    "gateway-word": ("gateway: 192.168.10.1", "gateway: router"),
    "gateway-float": ("gateway: 192.168.10.1", "gateway: 10.1"),
    "gateway-multicast": ("gateway: 192.168.10.1", "gateway: 224.0.0.1"),
    "gateway-other-family": ("gateway: 192.168.10.1", 'gateway: "fd00::1"'),
    "gateway-zone": ("gateway: 192.168.10.1", 'gateway: "fe80::1%eth0"'),
    "gateway-anycast": (RED, '{vlan: 10, subnets: [{cidr: "fd00::/64", gateway: "fd00::"}]}'),
    "dhcp-inverted": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: 192.168.10.199-192.168.10.100}"),
    "dhcp-outside": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: 192.168.10.100-192.168.11.199}"),
    "dhcp-broadcast": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: 192.168.10.100-192.168.10.255}"),
    "dhcp-gateway": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: 192.168.10.1-192.168.10.99}"),
    "dhcp-one-address": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: 192.168.10.100}"),
    "dhcp-last-octet": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: 192.168.10.100-199}"),
    "dhcp-mixed": ("gateway: 192.168.10.1", 'gateway: 192.168.10.1, dhcp: {pool: "192.168.10.100-fd00::1"}'),
    "dhcp-true": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: true"),
    "dhcp-null": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp:"),
    "dhcp-empty": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {}"),
    "dhcp-pool-list": ("gateway: 192.168.10.1", "gateway: 192.168.10.1, dhcp: {pool: [192.168.10.100]}"),
    "dhcp-external": ("gateway: 192.168.1.1", "gateway: 192.168.1.1, dhcp: {pool: 192.168.1.100-192.168.1.199}"),
    # hosts
    "host-null": (f"host2: {HOST2}", "host2:"),
    "host-name-dot": (f"host2: {HOST2}", f"host2.lan: {HOST2}"),
    "host-name-outside": (f"host2: {HOST2}", f"outside: {HOST2}"),
    "host-name-switch": (f"host2: {HOST2}", f"switch: {HOST2}"),
    "host-name-of-machine": (f"host2: {HOST2}", f"vm1: {HOST2}"),
    "host-key-typo": ("host2: {uplinks:", "host2: {uplink:"),
    "host-twice": (f"  host2: {HOST2}", f"  host2: {HOST2}\n  host2: {{}}"),
    "uplinks-list": ("{lan: {device: eth0, networks: [red]}}", "[{device: eth0, networks: [red]}]"),
    "uplink-text": ("{lan: {device: eth0, networks: [red]}}", "{lan: eth0}"),
    "uplink-device-missing": ("{lan: {device: eth0, networks: [red]}}", "{lan: {networks: [red]}}"),
    "uplink-device-long": ("device: eth1", "device: eno16777736.4094"),
    "uplink-device-number": ("device: eth1", "device: 1"),
    "uplink-device-lo": ("device: eth1", "device: lo"),
    "uplink-device-twice": ("device: eth1", "device: eth0"),
    "uplink-name-space": ("way: {device", "my way: {device"),
    "uplink-networks-text": ("networks: [wan]", "networks: wan"),
    "uplink-networks-null": ("networks: [wan]", "networks:"),
    "uplink-networks-of-numbers": ("networks: [wan]", "networks: [10]"),
    "uplink-networks-empty-name": ("networks: [wan]", 'networks: [wan, ""]'),
    "uplink-network-unknown": ("networks: [red, blue]", "networks: [red, bleu]"),
    "uplink-network-twice": ("networks: [red, blue]", "networks: [red, blue, red]"),
    "uplink-network-case": ("networks: [red, blue]", "networks: [RED, blue]"),
    "uplink-loop": ("networks: [wan]", "networks: [wan, red]"),
    "uplink-mac-short": ('mac: "00:0c:29:27:d5:3b"', 'mac: "00:0c:29:27:d5"'),
    "uplink-mac-number": ('mac: "00:0c:29:27:d5:3b"', "mac: 1234"),
    "uplink-mac-multicast": ('mac: "00:0c:29:27:d5:3b"', 'mac: "01:00:5e:00:00:01"'),
    "uplink-mac-zero": ('mac: "00:0c:29:27:d5:3b"', 'mac: "00:00:00:00:00:00"'),
    "uplink-mac-broadcast": ('mac: "00:0c:29:27:d5:3b"', 'mac: "ff:ff:ff:ff:ff:ff"'),
    "uplink-addresses-dead": ("networks: [wan]}", "networks: [wan], addresses: [192.168.1.7/24]}"),
    "uplink-addresses-text": ("networks: [red, blue]}", "networks: [red, blue], addresses: 10.0.0.1/24}"),
    "uplink-key-typo": ("networks: [wan]", "network: [wan]"),
    "local-unknown": ("local: [blue]", "local: [green]"),
    "local-and-uplink": ("local: [blue]", "local: [blue, red]"),
    "local-twice": ("local: [blue]", "local: [blue, blue]"),
    "local-text": ("local: [blue]", "local: blue"),
    "switching-unknown": ("local: [blue]}", "local: [blue], switching: vlan_aware}"),
    "switching-true": ("local: [blue]}", "local: [blue], switching: true}"),
    "switching-openvswitch": ("local: [blue]}", "local: [blue], switching: openvswitch}"),
    "vlan-devices-unknown": ("local: [blue]}", "local: [blue], vlan_devices: bpf}"),
    "vlan-devices-on-vlan-aware": ("local: [blue]}", "local: [blue], switching: vlan-aware, vlan_devices: ebpf}"),
    "vlan-aware-dead-address": ("networks: [red]}}, local: [blue]}", "networks: [red], addresses: [10.0.0.1/24]}}, switching: vlan-aware, local: [blue]}"),
    "host-port-not-carried": ("local: [blue]}", "local: [blue], ports: [{network: wan, addresses: [192.168.1.8/24]}]}"),
    "host-port-unknown": ("local: [blue]}", "local: [blue], ports: [{network: lan, addresses: [192.168.1.8/24]}]}"),
    "host-port-no-address": ("local: [blue]}", "local: [blue], ports: [{network: blue}]}"),
    "host-port-empty-addresses": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: []}]}"),
    "host-port-no-network": ("local: [blue]}", "local: [blue], ports: [{addresses: [192.168.20.8/24]}]}"),
    "host-port-gateway": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: [192.168.20.1/24]}]}"),
    "host-port-outside": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: [192.168.21.8/24]}]}"),
    "host-port-twice": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: [192.168.20.8/24]}, {network: blue, addresses: [192.168.20.9/24]}]}"),
    "host-port-address-taken": ("local: [blue]}", "local: [blue], ports: [{network: red, addresses: [192.168.10.10/24]}]}"),
    "host-port-device": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: [192.168.20.8/24], device: br0}]}"),
    "default-route-text": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: [192.168.20.8/24], default_route: yes}]}"),
    "default-route-twice": ("local: [blue]}", "local: [blue], ports: [{network: blue, addresses: [192.168.20.8/24], default_route: true}, {network: red, addresses: [192.168.10.8/24], default_route: true}]}"),
    # machines and their ports
    "vm-null": (f"vm1: {{host: host1, ports: [{VM1}]}}", "vm1:"),
    "vm-host-missing": ("{host: host2, ports", "{ports"),
    "vm-host-unknown": ("{host: host2, ports", "{host: hots2, ports"),
    "vm-host-number": ("{host: host2, ports", "{host: 2, ports"),
    "vm-host-list": ("{host: host2, ports", "{host: [host1, host2], ports"),
    "vm-ports-missing": ("{host: host2, ports: [{network: red, addresses: [192.168.10.20/24]}]}", "{host: host2}"),
    "vm-ports-empty": ("{host: host2, ports: [{network: red, addresses: [192.168.10.20/24]}]}", "{host: host2, ports: []}"),
    "vm-ports-mapping": ("[{network: red, addresses: [192.168.10.20/24]}]", "{network: red}"),
    "vm-ports-of-names": ("[{network: red, addresses: [192.168.10.20/24]}]", "[red]"),
    "vm-key-port": ("{host: host2, ports:", "{host: host2, port:"),
    "vm-key-mac": ("{host: host2, ports:", '{host: host2, mac: "52:54:00:00:00:01", ports:'),
    "vm-name-of-container": ("vm2: {host: host2", "box: {host: host2"),
    "vm-name-of-router": ("vm2: {host: host2", "edge: {host: host2"),
    "vm-name-outside": ("vm2: {host: host2", "outside: {host: host2"),
    "vm-name-number": ("vm2: {host: host2", "2: {host: host2"),
    "vm-name-leading-zero": ("vm2: {host: host2", "02: {host: host2"),
    "vm-twice": ("  vm2: {host: host2", "  vm1: {host: host2"),
    "port-empty": (VM1, "{}"),
    "port-no-network": (VM1, "{addresses: [192.168.10.10/24]}"),
    "port-network-unknown": (VM1, "{network: rad}"),
    "port-network-not-carried": ("vm2: {host: host2, ports: [{network: red, addresses: [192.168.10.20/24]}]}", "vm2: {host: host2, ports: [{network: wan}]}"),
    "port-network-number": (VM1, "{network: 10}"),
    "port-network-list": (VM1, "{network: [red, blue]}"),
    "port-key-typo": ("{network: red, mac:", "{netwrk: red, mac:"),
    "port-key-ip": ("mac: \"52:54:00:d2:52:b3\", addresses", "mac: \"52:54:00:d2:52:b3\", ip"),
    "port-key-vlan": ("{network: red, mac:", "{vlan: 10, mac:"),
    "port-network-and-native": ("native: red", "network: red, native: red"),
    "port-network-and-tagged": ("native: red", "network: red"),
    "port-native-alone": ("native: red, tagged: [blue]", "native: red"),
    "port-tagged-empty": ("tagged: [blue]", "tagged: []"),
    "port-tagged-text": ("tagged: [blue]", "tagged: blue"),
    "port-tagged-numbers": ("tagged: [blue]", "tagged: [20]"),
    "port-tagged-unknown": ("tagged: [blue]", "tagged: [blew]"),
    "port-tagged-twice": ("tagged: [blue]", "tagged: [blue, blue]"),
    "port-tagged-is-native": ("tagged: [blue]", "tagged: [blue, red]"),
    "port-tagged-untagged-network": ("tagged: [blue]", "tagged: [wan]"),
    "port-tagged-key": ("tagged: [blue]", "tagged: [{network: blue, address: 192.168.20.5/24}]"),
    "port-tagged-no-network": ("tagged: [blue]", "tagged: [{addresses: [192.168.20.5/24]}]"),
    "port-tagged-address-outside": ("tagged: [blue]", "tagged: [{network: blue, addresses: [192.168.10.5/24]}]"),
    "port-tagged-null": ("tagged: [blue]", "tagged: [blue, ~]"),
    "port-addresses-without-native": ("native: red, tagged", "tagged"),
    "port-mac-short": ('mac: "52:54:00:d2:52:b3"', 'mac: "52:54:00:d2:52"'),
    "port-mac-letters": ('mac: "52:54:00:d2:52:b3"', 'mac: "52:54:00:d2:52:zz"'),
    "port-mac-multicast": ('mac: "52:54:00:d2:52:b3"', 'mac: "53:54:00:d2:52:b3"'),
    "port-mac-number": ('mac: "52:54:00:d2:52:b3"', "mac: 525400"),
    "port-mac-null": ('mac: "52:54:00:d2:52:b3"', "mac:"),
    "port-mac-cisco": ('mac: "52:54:00:d2:52:b3"', "mac: 5254.00d2.52b3"),
    "port-mac-taken": ('mac: "52:54:00:d2:52:b3"', 'mac: "00:0C:29:27:D5:3B"'),
    "port-device-long": ("{network: red, mac:", "{network: red, device: averyveryverylongname, mac:"),
    "port-device-command": ("{network: red, mac:", '{network: red, device: "a;reboot /", mac:'),
    "port-device-of-uplink": ("{network: red, mac:", "{network: red, device: eth0, mac:"),
    "port-device-of-bridge": ("{network: red, mac:", "{network: red, device: brvlan-20, mac:"),
    "port-device-of-vlan": ("{network: red, mac:", "{network: red, device: eth0.20, mac:"),
    "port-device-of-leg": ("{network: red, mac:", "{network: red, device: edge-red, mac:"),
    "port-device-derived": ("{network: red, mac:", "{network: red, device: box-0, mac:"),
    "address-no-prefix": ("192.168.10.10/24", "192.168.10.10"),
    "address-prefix": ("192.168.10.10/24", "192.168.10.10/16"),
    "address-outside": ("192.168.10.10/24", "192.168.11.10/24"),
    "address-network": ("192.168.10.10/24", "192.168.10.0/24"),
    "address-broadcast": ("192.168.10.10/24", "192.168.10.255/24"),
    "address-gateway": ("192.168.10.10/24", "192.168.10.1/24"),
    "address-taken": ("192.168.10.10/24", "192.168.10.20/24"),
    "address-twice": ("192.168.10.10/24", "192.168.10.10/24, 192.168.10.10/24"),
    "address-other-family": ("192.168.10.10/24", '"fd00::10/64"'),
    "address-octet": ("192.168.10.10/24", "192.168.10.300/24"),
    "address-word": ("192.168.10.10/24", "dhcp"),
    "address-number": ("192.168.10.10/24", "3232238090"),
    "address-loopback": ("192.168.10.10/24", "127.0.0.1/8"),
    "address-multicast": ("192.168.10.10/24", "224.0.0.1/24"),
    "address-unspecified": ("192.168.10.10/24", "0.0.0.0/24"),
    "address-zone": ("192.168.10.10/24", '"fe80::1%eth0/64"'),
    "address-null": ("[192.168.10.10/24]", "[~]"),
    "addresses-text": ("[192.168.10.10/24]", "192.168.10.10/24"),
    "addresses-mapping": ("[192.168.10.10/24]", "{ip: 192.168.10.10/24}"),
    "container-host-unknown": ("box: {host: host1", "box: {host: hostel"),
    # routers
    "router-null": (f"edge: {EDGE}", "edge:"),
    "router-host-unknown": ("edge: {host: host1", "edge: {host: host3"),
    "router-networks-missing": ("host: host1, networks: [red, blue], external", "host: host1, external"),
    "router-networks-empty": ("host: host1, networks: [red, blue], external", "host: host1, networks: [], external"),
    "router-network-unknown": ("host: host1, networks: [red, blue], external", "host: host1, networks: [red, bule], external"),
    "router-network-twice": ("host: host1, networks: [red, blue], external", "host: host1, networks: [red, red], external"),
    "router-network-external": ("host: host1, networks: [red, blue], external", "host: host1, networks: [red, wan], external"),
    "router-network-no-gateway": (", gateway: 192.168.20.1", ""),
    "router-not-carried": ("edge: {host: host1", "edge: {host: host2"),
    "router-second": (f"  edge: {EDGE}", f"  edge: {EDGE}\n  other: {{host: host1, networks: [red]}}"),
    "router-overlap": ("{cidr: 192.168.20.0/24, gateway: 192.168.20.1}", "{cidr: 192.168.10.128/25, gateway: 192.168.10.129}"),
    "router-external-text": ("external: {network: wan, address: 192.168.1.9/24, snat: true}", "external: wan"),
    "router-external-no-address": ("network: wan, address: 192.168.1.9/24", "network: wan"),
    "router-external-unknown": ("external: {network: wan", "external: {network: wlan"),
    "router-external-gateway": ("address: 192.168.1.9/24", "address: 192.168.1.1/24"),
    "router-external-outside": ("address: 192.168.1.9/24", "address: 192.168.2.9/24"),
    "router-external-dhcp": ("address: 192.168.1.9/24", "address: dhcp"),
    "router-snat-yes": ("snat: true", "snat: yes"),
    "router-snat-address": ("snat: true", "snat: 192.168.1.9"),
    "router-key-nat": ("snat: true", "nat: true"),
    "router-name-of-network": ("edge: {host", "red: {host"),
    "allow-unknown": ("snat: true}}", "snat: true}, allow: [{from: red, to: green}]}"),
    "allow-itself": ("snat: true}}", "snat: true}, allow: [{from: red, to: red}]}"),
    "allow-twice": ("snat: true}}", "snat: true}, allow: [{from: red, to: blue}, {from: red, to: blue}]}"),
    "allow-no-to": ("snat: true}}", "snat: true}, allow: [{from: red}]}"),
    "allow-text": ("snat: true}}", "snat: true}, allow: [red]}"),
    "allow-mapping": ("snat: true}}", "snat: true}, allow: {red: blue}}"),
    "allow-key": ("snat: true}}", "snat: true}, allow: [{form: red, to: blue}]}"),
    # expectations
    "expect-unknown-word": ("expect: isolated", "expect: isolate"),
    "expect-true": ("expect: isolated", "expect: true"),
    "expect-missing": (", expect: isolated", ""),
    "expect-from-unknown": ("{from: vm1,", "{from: vm7,"),
    "expect-to-typo": ("to: vm2,", "to: mv2,"),
    "expect-to-router": ("to: vm2,", "to: edge,"),
    "expect-to-bad-address": ("to: vm2,", "to: 8.8.8.888,"),
    "expect-to-short-address": ("to: vm2,", "to: 8.8.8,"),
    "expect-to-float": ("to: vm2,", "to: 8.8,"),
    "expect-to-prefix": ("to: vm2,", "to: 8.8.8.8/32,"),
    "expect-to-bad-ipv6": ("to: vm2,", 'to: "fd00::xyz",'),
    "expect-to-list": ("to: vm2,", "to: [vm2, box],"),
    "expect-from-address": ("{from: vm1,", "{from: 8.8.8.8,"),
    "expect-to-itself": ("to: vm2,", "to: vm1,"),
    "expect-contradiction": (ISOLATED, "{from: vm1, to: vm2, expect: isolated}"),
    "expect-host-without-port": ("to: vm2,", "to: host2,"),
    "expect-nobody": ("{native: red, tagged: [blue], ", "{network: red, "),
    "expect-key": ("{from: vm1,", "{source: vm1,"),
    "expect-text": (f"- {ISOLATED}", "- red to blue isolated"),
    "expect-null": (f"- {ISOLATED}", "-"),
    "expect-to-outside-typo": ("- " + ISOLATED, "- {from: vm1, to: outsid, expect: reachable}"),
    # YAML that a site file does not use
    "anchor": ("red:  {vlan", "red:  &red {vlan"),
    "anchor-and-alias": (f"red:  {RED}", f"red: &r {RED}\n  copy: *r"),
    "alias-undefined": ("device: eth1", "device: *nic"),
    "alias-key": (f"red:  {RED}", f"*r : {RED}"),
    "merge-key": ("{host: host2, ports", "{<<: {host: host2}, ports"),
    "tag-string": ("device: eth1", "device: !!str eth1"),
    "tag-python": ("device: eth1", "device: !!python/object/apply:os.system [reboot]"),
    "tag-own": ("vlan: 10", "vlan: !vlan 10"),
    "key-list": (f"red:  {RED}", f"[red]: {RED}"),
    "key-mapping": (f"red:  {RED}", f"{{red: 1}}: {RED}"),
    "key-float": (f"red:  {RED}", f"1.5: {RED}"),
    "syntax-tab": ("  red:  {vlan", "\tred:  {vlan"),
    "syntax-brace": ("host2: {uplinks: {lan: {device: eth0, networks: [red]}}, local: [blue]}", "host2: {uplinks: {lan: {device: eth0, networks: [red]}, local: [blue]}"),
    "syntax-bracket": ("networks: [red, blue]}\n      way", "networks: [red, blue}\n      way"),
    "syntax-last-bracket": ("expect: isolated}", "expect: isolated"),
    "syntax-quote": ('mac: "52:54:00:d2:52:b3"', 'mac: "52:54:00:d2:52:b3'),
    "syntax-colon": ("site: small", "site: small: site"),
    "syntax-indent": ("  red:  {vlan", "    red:  {vlan"),
    "syntax-no-colon": ("site: small", "site small"),
    "syntax-at": ("device: eth1", "device: @eth1"),
    "syntax-percent": ("site: small", "%site: small"),
    "two-documents": ("vms:\n", "---\nvms:\n"),
    "yaml-1-1": ("site: small", "%YAML 1.1\n---\nsite: small"),
}  # fmt: skip

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


def sites() -> dict[str, bytes]:
    """Return every broken site by name."""
    found = dict(WHOLE)
    for name, (old, new) in CHANGED.items():
        assert SOUND.count(old) >= 1, f"{name}: {old!r} is not in the sound site"
        found[name] = SOUND.replace(old, new, 1).encode()
    return found


def said_of(data: bytes, file: str) -> str:
    """Return what people see when they use the site *data*."""
    try:
        manifest.parse(data, file)
    except SiteError as error:
        return problems.text(error)
    return ""


def main() -> None:
    manifest.parse(SOUND.encode(), "sound.yaml")
    for name, data in sites().items():
        path = FOLDER / f"{name}.yaml"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(said_of(data, path.name), encoding="utf-8")


if __name__ == "__main__":
    main()
