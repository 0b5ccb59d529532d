"""Ours and the real brctl in two namespaces that are alike: same text, same codes, same state.

Times that run (timers, ages) and MACs that the kernel draws by lot are struck out in both.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from trunkline.brctl import commands
from trunkline.brctl.words import Outcome
from trunkline.kernel import namespaces
from trunkline.kernel.bridge_control import BridgeControl

BRCTL = shutil.which("brctl", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.needs("bridge", "veth"),
    pytest.mark.skipif(BRCTL is None, reason="needs brctl to compare with: bridge-utils"),
]

PORTS = ("v1", "v2", "v10", "v3")
"""The first three are in br0."""
FAR_MAC = "02:00:00:00:01:0"

_TIMERS = re.compile(r"((?:timer|yes\t|no\t)\t+) *\d+\.\d\d")
_RANDOM_MAC = re.compile(r"(?!02:00:00)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_RANDOM_ID = re.compile(r"\.(?!020000|000000)[0-9a-f]{12}")
_MOVING = ("gc_timer", "hello_timer", "tcn_timer", "topology_change_timer")
_MOVING_PORT = ("message_age_timer", "forward_delay_timer", "hold_timer")


def batch(namespace: str, lines: str) -> None:
    command = ["ip", "-n", namespace, "-batch", "-"]
    subprocess.run(command, input=lines, check=True, timeout=20, text=True)


def furnish(namespace: str) -> None:
    """Make br0 with three ports, br1 that is up and empty, one port that is in no bridge."""
    lines = ["link add br0 type bridge mcast_snooping 0", "link add br1 type bridge"]
    for number, port in enumerate(PORTS):
        far = f"address {FAR_MAC}{number} type veth peer name {port} address 02:00:00:00:00:0"
        lines.append(f"link add p{number} {far}{number}")
    lines += [f"link set {port} master br0" for port in PORTS[:3]]
    lines += ["link set br1 address 02:00:00:00:02:00", "link set br1 up"]
    batch(namespace, "".join(f"{line}\n" for line in lines))


def normal(text: str) -> str:
    text = _TIMERS.sub(r"\1#", text)
    return _RANDOM_ID.sub(".random", _RANDOM_MAC.sub("random", text))


def state(namespace: str) -> object:
    """Return all links of *namespace* as iproute2 sees them."""
    text = ""
    for tool in ("ip", "bridge"):
        command = [tool, "-n", namespace, "-j", "-d", "link"]
        done = subprocess.run(command, check=True, timeout=20, capture_output=True, text=True)
        text += normal(done.stdout)
    decoder, found = json.JSONDecoder(), []
    while text:
        value, end = decoder.raw_decode(text)
        found += value
        text = text[end:].lstrip()
    for link in found:
        info = link.get("linkinfo", {})
        for moving, part in ((_MOVING, "info_data"), (_MOVING_PORT, "info_slave_data")):
            for name in moving:
                info.get(part, {}).pop(name, None)
    return found


@dataclass(frozen=True)
class Pair:
    """Two namespaces that are alike, one for each brctl."""

    real: str
    own: str

    def both(self, commands: str) -> None:
        for namespace in (self.real, self.own):
            batch(namespace, commands)

    def run(self, *words: str) -> tuple[Outcome, Outcome]:
        assert BRCTL is not None
        done = subprocess.run(
            ["ip", "netns", "exec", self.real, BRCTL, *words],
            timeout=20,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        with namespaces.entered(namespaces.path(self.own)):
            ours = commands.run(words, BridgeControl)
        # getopt_long says the path that it was called by.
        said = done.stderr.replace(f"{BRCTL}: ", "brctl: ")
        return Outcome(done.stdout, said, done.returncode), ours

    def agree(self, *words: str) -> Outcome:
        """Run *words* in both; they say the same, and leave the same behind."""
        real, ours = self.run(*words)
        for name in ("stdout", "stderr", "code"):
            theirs, own = getattr(real, name), getattr(ours, name)
            assert own == theirs or normal(own) == normal(theirs), words
        assert state(self.own) == state(self.real), words
        return ours

    def agree_soon(self, *words: str) -> Outcome:
        """The same for what frames change: the two learn a MAC at different moments."""
        deadline = time.monotonic() + 10
        real, ours = self.run(*words)
        while normal(ours.stdout) != normal(real.stdout) and time.monotonic() < deadline:
            time.sleep(0.2)
            real, ours = self.run(*words)
        assert normal(ours.stdout) == normal(real.stdout), words
        return ours


@pytest.fixture
def pair(unique: str) -> Iterator[Pair]:
    names = [f"{unique}{which}" for which in ("real", "own")]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True, timeout=20)
            furnish(name)
        yield Pair(*names)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=True, timeout=20)


SCENARIOS = {
    "addbr": "addbr new; addbr new; addbr br0; addbr v1; addbr a b c; addbr br%d; addbr br%s; "
    "addbr ''; addbr .; addbr ..; addbr a/b; addbr 'a b'; addbr a:b; addbr é; "
    "addbr abcdefghijklmno; addbr; show",
    "delbr": "delbr br1; delbr nosuch; delbr v1; delbr lo; delbr ''; delbr; delbr br0; delbr br0; "
    "delbr abcdefghijklmnop; show",
    "addif": "addif br0 v3; addif br0 v3; addif br1 v1; addif br0 nosuch; addif nosuch v3; "
    "addif nosuch nosuch; addif br0 br1; addif br0 br0; addif br0 lo; addif lo v3; addif lo lo; "
    "addif v1 p3; addif br1 p3 p2; addif br1 p1 nosuch p0; addif br1 abcdefghijklmnop; "
    "addif br1 p0 v1 p0; addif br1; show; showstp br1",
    "delif": "delif br0 v1; delif br0 v1; delif br1 v2; delif br0 v3 v2; delif br0 nosuch; "
    "delif nosuch v2; delif lo v2; delif br0 lo; delif br0 br0; delif br0 v2 v10; delif br0; "
    "show; showmacs br0",
    "hairpin": "hairpin br0 v1 on; showstp br0; hairpin br0 v1 off; hairpin br0 v1 yes; "
    "hairpin br0 v1 no; hairpin br0 v1 1; hairpin br0 v1 0; hairpin br0 v1 On; hairpin br0 v3 on; "
    "hairpin br1 v1 on; hairpin lo v1 on; hairpin lo v3 on; hairpin br0 lo on; "
    "hairpin br0 br0 on; hairpin br0 nosuch on; hairpin nosuch v1 on; hairpin nosuch nosuch on; "
    "hairpin nosuch nosuch what; hairpin br0 v1",
    "stp": "stp br0 on; show; stp br0 off; stp br0 yes; stp br0 no; stp br0 1; stp br0 0; "
    "stp br0 ON; stp br0 true; stp nosuch on; stp v1 on; stp br0; stp nosuch what",
    "times": "setageing br0 10; setageing br0 1.15; setageing br0 abc; setageing nosuch 10; "
    "setageing v1 10; setageing br0; setfd br0 1; setfd br0 100; setfd br0 x; stp br0 on; "
    "setfd br0 100; setfd br0 4; sethello br0 5; sethello br0 100; sethello br0 0; "
    "sethello br0 x; setmaxage br0 10; setmaxage br0 100; setmaxage br0 0x10; setmaxage br0 ' 9'; "
    "setmaxage br0 ''; setageing br0 -5; setageing br0 -- -0; showstp br0; setfd nosuch x; "
    "sethello lo 3; setmaxage nosuch 3; setageing br0 20000000; setfd br0 8.04",
    "odd times": "; ".join(
        f"setageing br0 -- '{word}'"
        for word in (
            *("infi", "i", "na", "0x.8", "0x.g", ".", "-", "0x1p", "1e+", "1e2", "00010"),
            *(
                "1.5.5",
                "0X1F",
                "1p3",
                "0x",
                "0xg",
                "0x1.8p1x",
                "0.29",
                "8.04",
                "10.9999999",
                "1_0",
            ),
        )
    ),
    "priorities": "; ".join(
        f"{command} '{word}'"
        for word in (
            *("10", "0x10", "010", "10x", "abc", "", "65536", "4294967297", "0", "64", "1"),
            *("99999999999999999999", "08", " 7", "+5", "131072", "63"),
        )
        for command in ("setbridgeprio br0", "setpathcost br0 v1", "setportprio br0 v1")
    )
    + "; setbridgeprio -- br0 -1; setpathcost -- br0 v1 -1; setportprio -- br0 v1 -1; showstp br0",
    "priorities of what is no port": "; ".join(
        f"{command} {where} 10"
        for command in ("setpathcost", "setportprio")
        for where in ("br0 v3", "br0 nosuch", "nosuch v1", "br1 v1", "v1 v1", "lo v3", "nosuch v3")
    )
    + "; setpathcost br1 v1 0; setpathcost nosuch v1 0; setpathcost lo v1 0; setpathcost br0 v1; "
    "setbridgeprio nosuch 1; setbridgeprio v1 1; setportprio br0 v1",
    "show": "show; show br1; show br1 br0; show br0 br0; show lo; show nosuch br0 lo; show ''; "
    "show ..; addbr B; addbr br10; addbr br9; show; showmacs br0; showmacs br1; showmacs nosuch; "
    "showmacs lo; showmacs; showmacs br0 br1; showstp br0; showstp br1; showstp nosuch; "
    "showstp v1; showstp; showstp br0 br1; show abcdefghijklmnop",
    "usage": "; --help; -h; -V; --version; --vers; --he; -x; --nope; --nope=3; --=x; ---; "
    "--help=; --version=3; -Vx; -xV; -é; -:; '-?'; -- show; -- -x; show -V; show -x; "
    "addbr --help; addbr -- -dash; show -- -x; -; foo; SHOW; ''; --",
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_is_brctl(pair: Pair, scenario: str) -> None:
    """Every command and every way to get it wrong, one after the other."""
    for line in SCENARIOS[scenario].split(";"):
        pair.agree(*shlex.split(line))


def test_learned_macs_and_a_tree(pair: Pair) -> None:
    """Two bridges with a cable between them: one has a root port; both have learned MACs."""
    pair.both(
        "link add loopa type veth peer name loopb\n"
        "link set loopa address 02:00:00:00:03:0a\nlink set loopb address 02:00:00:00:03:0b\n"
        + "".join(f"link set {name} up\n" for name in ("br0", "loopa", "loopb", *PORTS))
        + "".join(f"link set p{number} up\n" for number in range(len(PORTS)))
    )
    for words in ("addif br0 loopa", "addif br1 loopb", "setbridgeprio br0 77"):
        pair.agree(*words.split())
    fdb = "bridge -n {} fdb add 02:00:00:00:04:0{} dev {} master {}"
    for namespace in (pair.real, pair.own):
        for number, (port, kind) in enumerate((("v1", "static"), ("v2", "dynamic"))):
            command = fdb.format(namespace, number, port, kind)
            subprocess.run(command.split(), check=True, timeout=10)
    learned = pair.agree_soon("showmacs", "br0").stdout
    assert re.search(r"^  1\t02:00:00:00:04:00\tno\t\t   0\.00$", learned, re.M)
    assert re.search(r"^  2\t02:00:00:00:04:01\tno\t\t   \d\.\d\d$", learned, re.M)
    for bridge in ("br0", "br1"):
        for setting in ("stp {} on", "setfd {} 2", "sethello {} 1"):
            # Not `agree`: the two do not reach each state of the tree in the same moment.
            real, ours = pair.run(*setting.format(bridge).split())
            assert real == ours == Outcome()
    deadline = time.monotonic() + 30
    while "forwarding" not in pair.run("showstp", "br1")[1].stdout and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)
    for bridge in ("br0", "br1"):
        real, ours = pair.run("showstp", bridge)
        assert normal(ours.stdout) == normal(real.stdout)
    assert " root port\t\t   1\t" in ours.stdout
    assert " designated root\t004d." in ours.stdout
    assert not re.search(r"flags.*\n.*timer\t.*\d\d\d\d\d", ours.stdout)


def test_ages_are_those_of_brctl(pair: Pair) -> None:
    """The same bridge, looked at by both at once: not even the timers differ by much."""
    pair.both("link set br0 up\nlink set v1 up\nlink set p0 up\n")
    command = f"bridge -n {pair.own} fdb add 02:00:00:00:04:01 dev v1 master dynamic"
    subprocess.run(command.split(), check=True, timeout=10)
    time.sleep(1.2)
    both = Pair(pair.own, pair.own)
    for words, pattern in (
        (("showmacs", "br0"), r"04:01\tno\t\t +([\d.]+)"),
        (("showstp", "br0"), r"gc timer\t\t +([\d.]+)"),
    ):
        theirs, own = (float(re.findall(pattern, each.stdout)[0]) for each in both.run(*words))
        assert own == pytest.approx(theirs, abs=1)
        assert own > 1


@pytest.mark.parametrize("words", ["addbr x", "delbr br0", "addif br0 v1", "delif br0 v1"])
def test_without_permission(pair: Pair, words: str) -> None:
    """Somebody else than root is told so before anything else that is wrong."""
    assert BRCTL is not None
    drop = ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set=-all"]
    source = (
        "import sys\n"
        "from trunkline.brctl import commands\n"
        "from trunkline.kernel.bridge_control import BridgeControl\n"
        "import os\n"
        "os.setgroups([]); os.setuid(65534)\n"
        "done = commands.run(sys.argv[1:], BridgeControl)\n"
        "print(done.stdout, end=''); print(done.stderr, end='', file=sys.stderr)\n"
        "sys.exit(done.code)"
    )
    inside = ["ip", "netns", "exec", pair.real]
    options = {"capture_output": True, "text": True, "timeout": 30}
    real = subprocess.run([*inside, *drop, BRCTL, *words.split()], **options)  # type: ignore[call-overload]
    ours = subprocess.run([*inside, sys.executable, "-c", source, *words.split()], **options)  # type: ignore[call-overload]

    assert "Operation not permitted" in real.stderr
    assert (ours.stdout, ours.stderr, ours.returncode) == (
        real.stdout,
        real.stderr,
        real.returncode,
    )


def test_a_link_called_brctl_is_brctl(pair: Pair, tmp_path: Path) -> None:
    """The drop-in: scripts find it in PATH under the name that they know."""
    link = tmp_path / "brctl"
    link.symlink_to(Path(sys.executable).with_name("trunkline"))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for words in ("show", "--help", "-x", "delbr br1", "show nosuch br0"):
        done = subprocess.run(
            ["ip", "netns", "exec", pair.own, "brctl", *words.split()],
            env=environment,
            timeout=30,
            capture_output=True,
            text=True,
        )
        real, _ = pair.run(*words.split())
        assert (done.stdout, done.stderr, done.returncode) == (
            real.stdout,
            real.stderr,
            real.code,
        )
