"""`trunkline schema`."""

from __future__ import annotations

import json

import click

from trunkline.cli import terminal
from trunkline.cli.group import Command


@click.command(
    cls=Command,
    name="schema",
    examples=[
        "trunkline schema > trunkline.schema.json  # keep it beside the site file",
    ],
)
@click.option("--json", is_flag=True, expose_value=False, help="What it is anyway.")
def command() -> None:
    """Print the JSON schema of the site file for editors.

    An editor that knows it completes keys, explains them, and underlines a VLAN above 4094 while
    you type. Most editors find it by a first line in site.yaml that says
    `# yaml-language-server: $schema=trunkline.schema.json`.
    """
    from trunkline.sitefile import schema

    terminal.exact(json.dumps(schema.json_schema(), indent=2))
