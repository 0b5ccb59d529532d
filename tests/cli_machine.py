"""A machine for the tests of the command line: a fake kernel, a site file, no labs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trunkline import local
from trunkline.cli.main import root
from trunkline.errors import KernelError
from trunkline.kernel.fake import FakeKernel
from trunkline.operation import Operation
from trunkline.state import Nic

SITE = """
site: small
networks:
  red: {vlan: 10}
hosts:
  here: {uplinks: {lan: {device: eth1, networks: [red]}}}
  there: {uplinks: {lan: {device: eth1, networks: [red]}}}
vms:
  vm1: {host: here, ports: [{network: red}]}
"""

NIC = Nic("", "eth1", up=True, mtu=1500, mac="52:54:00:00:00:01", kind="")


class Refusing(FakeKernel):
    """Refuses what *refuses* says, after having done what came before it."""

    refuses: Callable[[Operation], bool] = staticmethod(lambda _: False)

    def apply(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if self.refuses(operation):
                raise KernelError(operation.describe(), 12, "Cannot allocate memory")
            super().apply([operation])


@dataclass
class Machine:
    """This machine: its kernel, and the command line on it."""

    kernel: Refusing = field(default_factory=lambda: Refusing([NIC]))

    def __call__(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(root, arguments, input=stdin)

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments).stdout)

    def events(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self(*arguments).stdout.splitlines()]


@pytest.fixture(name="machine")
def a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine called `here`, an empty directory with site.yaml, and no labs."""
    made = Machine()
    monkeypatch.setattr(local, "kernel", lambda: made.kernel)
    monkeypatch.setattr(local, "need_root", lambda _: None)
    monkeypatch.setattr(local, "hostname", lambda: "here.example.org")
    monkeypatch.setenv("TRUNKLINE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("TRUNKLINE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text(SITE)
    return made
