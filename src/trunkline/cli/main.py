"""`trunkline`: the commands by section, and the way out."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

import trunkline
from trunkline.cli import abroad, failure
from trunkline.cli.group import Entry, LazyGroup, Sections

SECTIONS: Sections = {
    "Try it, on this machine alone": {
        "demo": Entry("demo", "Build a site in namespaces, prove it, draw it, remove it."),
        "lab": Entry(
            "lab.group", "Run a site as a lab: its hosts are namespaces of this machine."
        ),
    },
    "Declare and change": {
        "validate": Entry("validate", "Check a site file and print everything wrong with it."),
        "plan": Entry("plan", "Show what apply would change on this host."),
        "apply": Entry("apply", "Make this host's kernel agree with the site."),
        "destroy": Entry("destroy", "Remove everything that the site made on this host."),
        "schema": Entry("schema", "Print the JSON schema of the site file for editors."),
    },
    "Look": {
        "show": Entry("show", "List hosts, networks, bridges, ports or machines."),
        "verify": Entry("verify", "Prove that the kernel holds what the site says."),
        "diagram": Entry("diagram", "Draw a host's bridges, VLANs and machines from live state."),
        "explain": Entry("explain", "Say why something is as it is, and what would change it."),
        "doctor": Entry("doctor", "Say what this machine can do and what it lacks."),
    },
    "As other tools have it": {
        "brctl": Entry("brctl", "Be brctl: its 16 commands, its output, on netlink."),
    },
}


EXIT_CODES = {
    "0": "all is well, or as declared",
    "1": "an error",
    "2": "not as declared: drift, a failed check, changes with --detailed-exitcode",
    "3": "apply failed and was rolled back",
    "4": "apply failed and part of it is there",
    "64": "the command line makes no sense",
    "65": "the site file is wrong",
    "75": "another run holds the lock",
    "77": "no permission",
    "130": "interrupted",
}


class Root(LazyGroup):
    """The root command: every exception of every command ends in `failure`."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl(list(EXIT_CODES.items()))

    def main(
        self,
        args: Any = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        inner = super().main
        name = prog_name or "trunkline"
        if not standalone_mode:
            return inner(args, name, complete_var, standalone_mode=False, **extra)
        sys.exit(
            failure.run(
                lambda: abroad.run(
                    sys.argv[1:] if args is None else list(args),
                    lambda: inner(args, name, complete_var, standalone_mode=False, **extra),
                )
            )
        )


@click.command(
    cls=Root,
    sections=SECTIONS,
    examples=[
        "trunkline demo  # the whole idea in a minute, nothing is left behind",
        "trunkline plan site.yaml --commands  # what would change, as ip and bridge commands",
        "trunkline apply site.yaml  # change it, after a yes",
        "trunkline COMMAND --help  # each command with its own examples",
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(trunkline.__version__, prog_name="trunkline")
def root() -> None:
    """One virtual switch out of ordinary Linux hosts.

    A site file says which networks (VLANs) exist, which hosts carry them on which NIC, and which
    machines and routers hang on them. Trunkline plans the bridges and VLAN devices, applies them,
    proves who reaches whom and draws the result.
    """


def main() -> None:
    if os.path.basename(sys.argv[0]) == "brctl":  # called through a link of that name
        from trunkline.cli import brctl

        sys.exit(failure.run(lambda: brctl.run(sys.argv[1:])))
    root.main(prog_name="trunkline")
