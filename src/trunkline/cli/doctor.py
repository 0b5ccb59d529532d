"""`trunkline doctor`: what is wrong with this machine, or missing from it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from trunkline.capabilities import Capabilities
from trunkline.cli import answer, terminal
from trunkline.cli.group import Command, Entry, LazyGroup

MEANING: dict[str, tuple[str, str]] = {
    "bridge": (
        "the kernel's bridge, the virtual switch itself",
        "nothing works without it: load the module bridge",
    ),
    "veth": (
        "cables between namespaces",
        "no lab, no router, no container: load the module veth",
    ),
    "tap": (
        "the host's end of a virtual machine's NIC",
        "no virtual machines: load the module tun",
    ),
    "vlan_devices": (
        "802.1Q devices such as eth0.10",
        "Trunkline makes VLAN devices of a veth pair with eBPF programs instead",
    ),
    "vlan_filtering": (
        "one bridge for all VLANs (switching: vlan-aware)",
        "use switching: bridge-per-network, the default; it reaches the same",
    ),
    "ebpf_vlan": (
        "clsact, cls_bpf and the VLAN helpers of bpf(2)",
        "only the kernel's own VLAN devices can be used",
    ),
    "vxlan": (
        "layer-2 networks through an IP network",
        "networks need trunk NICs; VLANs and untagged networks work",
    ),
    "nft": (
        "the nft program and the inet family: routers' filters and source NAT",
        "no routers: install nftables",
    ),
    "nft_bridge": (
        "filters inside a bridge",
        "frames between two ports of one bridge cannot be filtered",
    ),
    "br_netfilter": (
        "bridged frames can be handed to iptables (Docker and Kubernetes load it)",
        "nothing to do: bridged frames never meet iptables here",
    ),
    "ipv6": ("IPv6 in this kernel", "IPv4 only"),
}
"""Of each capability: what it is for, and what its lack means."""

PRESENT = {"br_netfilter": "Trunkline switches it off on every bridge it makes"}
"""What Trunkline does where the presence is the trouble."""


def meaning(name: str, present: bool) -> str:
    """Return what it means that *name* is present or not."""
    purpose, lack = MEANING[name]
    return PRESENT.get(name, purpose) if present else f"{purpose}; {lack}"


@click.command(
    cls=Command,
    name="kernel",
    examples=[
        "trunkline doctor kernel  # what can this kernel do?",
        "trunkline doctor kernel --json  # for scripts",
    ],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def kernel(as_json: bool) -> None:
    """Say what this kernel can do, and what each lack means.

    Every feature is tried in a scratch network namespace, not looked up: a VLAN device, a bridge,
    a tap are only there if the running kernel really makes one. Where one is missing, you are
    told what Trunkline does instead.
    """
    from trunkline import local
    from trunkline.kernel import probe

    local.need_root("trying kernel features in a scratch namespace")
    found = probe.capabilities()
    if as_json:
        terminal.exact(_json(found))
    else:
        for line in _lines(found):
            terminal.echo(line)


def _lines(found: Capabilities) -> Iterator[str]:
    yes, no = ("yes", "NO") if terminal.current().ascii_only else ("✓", "✗")
    yield f"Kernel {found.release}"
    for name, present in found.lines():
        mark = (yes if present else no).ljust(3)
        painted = terminal.paint(mark, fg="green" if present else "yellow")
        purpose, lack = MEANING[name]
        said = PRESENT.get(name, purpose) if present else purpose
        yield terminal.joined("  ", painted, f" {name.ljust(15)} {said}")
        if not present:
            yield f"      {' ' * 15} -> {lack}"


def _json(found: Capabilities) -> str:
    items = [
        {"name": name, "present": present, "meaning": meaning(name, present)}
        for name, present in found.lines()
    ]
    return answer.document("KernelCapabilities", release=found.release, items=items)


@click.command(
    cls=LazyGroup,
    name="doctor",
    invoke_without_command=True,
    sections={
        "Commands": {
            "kernel": Entry(
                "doctor", "Say what this kernel can do, and what each lack means.", "kernel"
            )
        }
    },
    examples=[
        "trunkline doctor  # everything there is to say",
        "trunkline doctor kernel  # every feature, tried in a scratch namespace",
    ],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def command(context: click.Context, *, as_json: bool) -> None:
    """Say what this machine can do and what it lacks.

    VLANs, bridges and taps are kernel features that a distribution may leave out; this finds out
    by trying each of them. Without a command it does everything.
    """
    if context.invoked_subcommand is None:
        context.invoke(kernel, as_json=as_json)
    elif as_json:
        context.default_map = {context.invoked_subcommand: {"as_json": True}}
