"""What `needs(FEATURE)` promises, checked with other people's tools on whichever kernel runs it.

Every feature that a kernel test may ask for has its proof here, so each of them is really there
on the running kernel or in the guest, or the run of the tests says that it was nowhere.
"""

from __future__ import annotations

import subprocess

import pytest

from trunkline.capabilities import Capabilities

COMMANDS = {
    "bridge": "ip link add br0 type bridge",
    "veth": "ip link add v0 type veth peer name v1",
    "tap": "ip tuntap add t0 mode tap",
    "vlan_devices": "ip link add v0 type veth peer name v1;"
    "ip link add link v0 name v0.10 type vlan id 10",
    "vlan_filtering": "ip link add v0 type veth peer name v1;"
    "ip link add br0 type bridge vlan_filtering 1; ip link set v0 master br0;"
    "bridge vlan add vid 10 dev v0 pvid untagged",
    "ebpf_vlan": "ip link add v0 type veth peer name v1; tc qdisc add dev v0 clsact",
    "vxlan": "ip link add x0 type vxlan id 5 dstport 4789 local 127.0.0.1",
    "nft": "nft add table inet t; nft add chain inet t c "
    "'{ type nat hook postrouting priority srcnat; }';"
    "nft add rule inet t c ip saddr 192.0.2.0/24 masquerade",
    "nft_bridge": "nft add table bridge t;"
    "nft add chain bridge t c '{ type filter hook forward priority filter; }'",
    "br_netfilter": "test -e /proc/sys/net/bridge/bridge-nf-call-iptables",
    "ipv6": "ip address add 2001:db8::1/64 dev lo",
}


def test_every_feature_has_its_proof() -> None:
    """A new field of Capabilities needs a command here."""
    assert set(COMMANDS) == {name for name, _ in Capabilities().lines()}


@pytest.mark.kernel
@pytest.mark.parametrize(
    "command",
    [
        # br_netfilter is nothing to be had: it is a trap that some kernels set.
        pytest.param(command, marks=pytest.mark.needs(feature), id=feature)
        for feature, command in COMMANDS.items()
        if feature != "br_netfilter"
    ],
)
def test_the_kernel_can_do_what_is_needed(command: str, scratch_namespace: str) -> None:
    """The commands succeed in a new namespace."""
    inside = ["ip", "netns", "exec", scratch_namespace, "sh", "-ec", command]
    done = subprocess.run(inside, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
