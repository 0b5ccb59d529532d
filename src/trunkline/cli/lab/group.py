"""The commands of `trunkline lab`."""

from __future__ import annotations

from trunkline.cli.group import Entry, LazyGroup

command = LazyGroup(
    name="lab",
    help="""Run a site as a lab: its hosts are namespaces of this machine.

    The same site file, planned and applied by the same code, on hosts that are network
    namespaces, with a VLAN switch between them and an outside behind it. Machines are namespaces
    too: ping, tcpdump and iperf3 run in them. This machine's own network is not touched.""",
    sections={
        "Commands": {
            "up": Entry("lab.life", "Bring a site up as a lab, or change one that is up.", "up"),
            "down": Entry("lab.life", "Take a lab away, with everything in it.", "down"),
            "list": Entry("lab.life", "List the labs that are up.", "list_labs"),
            "inspect": Entry("lab.look", "Show what is in a lab and where.", "inspect"),
            "exec": Entry("lab.inside", "Run a command in a machine of a lab.", "execute"),
            "shell": Entry("lab.inside", "Open a shell for a lab, or in a machine.", "shell"),
            "verify": Entry("lab.look", "Prove who reaches whom with real packets.", "verify"),
            "plan": Entry("lab.look", "Show what differs on a lab's hosts.", "plan"),
        }
    },
    examples=[
        "trunkline lab up examples/walkthrough.yaml  # three hosts, five machines, a router",
        "trunkline lab exec vm1 -- ping -c1 192.168.10.40  # from one machine to another",
        "trunkline lab shell  # with verbs as mininet has them: net, pingall, vm1 ping vm4",
        "trunkline lab verify  # everything that the site promises",
        "trunkline lab down  # nothing is left behind",
    ],
)
