"""A shell for a lab, with the verbs that mininet's has."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from subprocess import DEVNULL
from typing import TextIO

from trunkline import render, scene, verify
from trunkline.errors import TrunklineError, UsageError
from trunkline.intent import Site
from trunkline.lab import check, inspection, running
from trunkline.lab.fabric import SWITCH
from trunkline.lab.lab import Lab
from trunkline.wording import did_you_mean, quoted

HELP = """\
nodes            everything in the lab, with its addresses
net              the networks and who is on them
links            the cables between hosts and the switch
pingall          who reaches whom
verify           who should reach whom, who does, and what the kernels hold
diagram          the picture of all hosts and the switch between them
NAME COMMAND...  run a command in a machine, host, router, the switch or outside;
                 names among its arguments become addresses: vm1 ping -c1 vm4
exit             leave; the lab stays up"""


class Shell:
    """Reads commands until `exit` or the end of the input."""

    def __init__(self, lab: Lab, out: TextIO) -> None:
        self._lab = lab
        self._out = out
        self._verbs: Mapping[str, Callable[[], str]] = {
            "help": lambda: HELP,
            "nodes": lambda: inspection.text(lab),
            "net": lambda: _networks(lab.site),
            "links": lambda: _links(lab.site),
            "pingall": lambda: verify.pingall(check.verify_lab(lab)),
            "verify": lambda: verify.text(check.verify_lab(lab)),
            "diagram": lambda: _diagram(lab),
        }

    def run(self, lines: Iterable[str]) -> int:
        """Carry out *lines* and return the exit code of the last one that has one."""
        code = 0
        for line in lines:
            try:
                words = shlex.split(line, comments=True)
                if words in (["exit"], ["quit"]):
                    break
                if words:
                    code = self.do(words)
            except TrunklineError as error:
                hint = f" ({error.hint})" if error.hint else ""
                self._print(f"error: {error.message}{hint}")
                code = error.exit_code
            except ValueError as error:  # shlex: no closing quotation
                self._print(f"error: {quoted(line.strip())}: {error}")
                code = UsageError.exit_code
        return code

    def do(self, words: Sequence[str]) -> int:
        """Carry out one command."""
        name, *arguments = words
        if name in self._lab.places():
            if not arguments:
                raise UsageError(f"{quoted(name)}: no command", hint=f"like: {name} ip address")
            # What is printed so far belongs before what the program prints.
            self._out.flush()
            argv = [self._address(word) for word in arguments]
            # In a pipe the standard input holds our commands, which no program may eat.
            stdin = None if sys.stdin.isatty() else DEVNULL
            return running.execute(self._lab, name, argv, stdin=stdin)
        if name not in self._verbs:
            known = [*self._verbs, "exit", *self._lab.places()]
            raise UsageError(
                f"{quoted(name)} is neither a command nor in this lab",
                hint=did_you_mean(name, known) or "type 'help'",
            )
        if arguments:
            raise UsageError(f"{quoted(name)} takes no arguments")
        self._print(self._verbs[name]())
        return 0

    def _address(self, word: str) -> str:
        if word not in self._lab.places():
            return word
        return inspection.first_address(self._lab, word) or word

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def typed(lab: Lab) -> Iterator[str]:
    """Yield the lines of the standard input; with a prompt where somebody types them."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    import readline  # noqa: F401  # only by its import does input() get history and editing

    while True:
        try:
            yield input(f"{lab.name}> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()


def _networks(site: Site) -> str:
    lines = []
    for network in site.networks.values():
        tag = f"VLAN {network.vlan}" if network.vlan else "untagged"
        lines.append(f"{network.name} ({tag}): {' '.join(_on(site, network.name)) or '-'}")
    return "\n".join(lines)


def _on(site: Site, network: str) -> Iterator[str]:
    """Yield everybody on *network*."""
    for node in verify.nodes(site).values():
        if any(leg.network == network for leg in node.legs):
            yield node.name
    for router in site.routers.values():
        external = router.external.network if router.external else None
        if network in (*router.networks, external):
            yield router.name


def _links(site: Site) -> str:
    return "\n".join(
        f"{cable.host}:{cable.device} <-> {SWITCH}:{cable.port} ({', '.join(cable.networks)})"
        for cable in inspection.cables(site)
    )


def _diagram(lab: Lab) -> str:
    states = {host: lab.host_kernel(host).read({}) for host in lab.site.hosts}
    return render.text(scene.site_scene(states, lab.site.name))
