"""One shell inside a namespace: changes bridges with ip and reads them in sysfs, no code of ours.

It stays for all commands of a test: a process for each would be most of the time.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_END = "--end--"


@dataclass(frozen=True)
class Shell:
    namespace: str
    process: subprocess.Popen[str]

    @property
    def path(self) -> Path:
        return Path("/run/netns") / self.namespace

    def tell(self, command: str) -> str:
        """Run *command* and return what it printed, errors too."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{{ {command} ; }} 2>&1; echo {_END}\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().strip()) != _END:
            assert self.process.poll() is None, "the shell has ended"
            lines.append(line)
        return "\n".join(lines)

    def ip(self, arguments: str) -> str:
        """Return what ip complains about; nothing means that it is done."""
        return self.tell(f"ip {arguments}")

    def identity(self, bridge: str) -> tuple[str, str, int]:
        """Return the MAC, the bridge id and addr_assign_type."""
        files = ("address", "bridge/bridge_id", "addr_assign_type")
        # `read` is a builtin: no process is started.
        said = self.tell(
            "; ".join(f"read x < /sys/class/net/{bridge}/{file} && echo $x" for file in files)
        )
        mac, bridge_id, assigned = said.splitlines()
        return mac, bridge_id, int(assigned)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[Shell]:
    # `ip netns exec` gives its program a /sys of that namespace.
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, "/bin/sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Shell(namespace, process)
        assert process.stdin is not None
        process.stdin.close()
