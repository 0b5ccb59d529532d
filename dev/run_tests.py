"""`make test`: the tests on the running kernel, then what that could not run in the guest.

.venv/bin/python -m dev.run_tests [PYTEST ARGUMENTS]
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev import tiers
from dev.tiers import Tier
from trunkline import guest
from trunkline.capabilities import Capabilities
from trunkline.errors import HostError, TrunklineError
from trunkline.guest import GuestKernel
from trunkline.kernel import probe

ROOT = Path(__file__).resolve().parents[1]
NATIVE_LIMIT = 480
GUEST_LIMIT = 240
PACKAGES = ("linux.uml=user-mode-linux", "modprobe=kmod", "unshare=util-linux")


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def pytest(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


def run_here(arguments: Sequence[str], outcomes: Path) -> int:
    """Run pytest on the running kernel and return its exit code."""
    workers = min(2, len(os.sched_getaffinity(0)))
    spread = ["-n", str(workers), "--dist=loadgroup"] if workers > 1 else []
    # One test file that cannot be imported is one failure, not the end of all.
    command = pytest("-q", "--continue-on-collection-errors", *spread, *arguments)
    env = {**os.environ, "TRUNKLINE_OUTCOMES": str(outcomes)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait(NATIVE_LIMIT)
    except subprocess.TimeoutExpired:
        print(f"pytest did not end within {NATIVE_LIMIT} s", file=sys.stderr)
        return 124
    finally:
        # Its workers are in its process group and go with it, however we leave.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def guest_kernel() -> GuestKernel:
    """Return the guest kernel; the first time that installs Debian's."""
    try:
        return guest.find()
    except HostError:
        if "TRUNKLINE_GUEST_KERNEL" in os.environ:
            raise
    if subprocess.run([ROOT / "dev/packages", *PACKAGES]).returncode != 0:
        raise HostError(
            "no guest kernel could be installed", hint="`make guest-kernel` builds one"
        )
    return guest.find()


def run_in_guest(kernel: GuestKernel, nodes: Sequence[str]) -> Tier:
    """Run *nodes* in one guest a CPU, two at most, and return what became of them."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    dealt = tiers.shards(nodes, len(cpus))
    pool = ThreadPoolExecutor(len(dealt))
    try:
        shards = list(
            pool.map(lambda pair: run_shard(kernel, *pair), zip(dealt, cpus, strict=False))
        )
    except KeyboardInterrupt:
        os._exit(130)  # the guests die with us; waiting for their threads would take minutes
    title = f"{shards[0].title} ({kernel.origin.value})"
    return Tier(title, tuple(outcome for shard in shards for outcome in shard.outcomes))


def run_shard(kernel: GuestKernel, nodes: Sequence[str], cpu: int) -> Tier:
    """Run *nodes* in a guest pinned to *cpu*; what the guest took down with it has failed."""
    with tempfile.TemporaryDirectory(prefix="trunkline-tests-") as name:
        results = Path(name)
        (results / "nodes").write_text("".join(f"{node}\n" for node in nodes))
        outcomes = results / "outcomes"
        outcomes.touch()
        files = sorted({node.partition("::")[0] for node in nodes})
        release, lost = "no kernel", ""
        try:
            result = guest.run(
                pytest("-q", "-p", "no:cacheprovider", *files),
                cwd=ROOT,
                env={
                    "TRUNKLINE_OUTCOMES": str(outcomes),
                    "TRUNKLINE_SELECT": f"{results}/nodes",
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                timeout=GUEST_LIMIT,
                results_dir=results,
                cpu=cpu,
                kernel=kernel,
            )
        except TrunklineError as error:
            print(f"{error.message}: {error.hint}", file=sys.stderr, flush=True)
            lost = error.message
        else:
            release = result.release
            print(result.output, end="", flush=True)
            late = f"it was not done when the guest's {GUEST_LIMIT} s were over"
            lost = late if result.returncode == 124 else "pytest in the guest did not run it"
        return Tier(
            release, tuple(tiers.with_lost(nodes, tiers.parse(outcomes.read_text()), lost))
        )


def prepare() -> None:
    """Install a guest kernel before the tests where the running kernel lacks something.

    The guest has tests of its own, and apt-get's time should not look like theirs. Whoever is
    not root cannot try the kernel; what is skipped then asks for the guest all the same.
    """
    complete = dict(Capabilities().lines())
    here = {} if os.geteuid() else dict(probe.capabilities().lines())
    lacking = [name for name, has in here.items() if complete[name] and not has]
    if not lacking:
        return
    say(f"the running kernel lacks {', '.join(lacking)}: tests of that run in the guest")
    try:
        kernel = guest_kernel()
    except TrunklineError as error:
        print(f"{error.message}; {error.hint}", file=sys.stderr)
    else:
        print(f"guest kernel: {kernel.path} ({kernel.origin.value})")


def main(arguments: Sequence[str]) -> int:
    started = time.monotonic()
    prepare()
    say("tests on the running kernel")
    with tempfile.TemporaryDirectory(prefix="trunkline-tests-") as name:
        outcomes = Path(name, "outcomes")
        outcomes.touch()
        code = run_here(arguments, outcomes)
        native = Tier(os.uname().release, tiers.parse(outcomes.read_text()))
    nodes = tiers.for_guest(native.outcomes)
    there: Tier | None = None
    lacks: frozenset[str] = frozenset()
    why = "no test asked for it"
    if nodes:
        say(f"{len(nodes)} tests in the guest")
        try:
            kernel = guest_kernel()
        except TrunklineError as error:
            why = f"{error.message}; {error.hint}"
        else:
            there, lacks = run_in_guest(kernel, nodes), kernel.lacks
    verdict = tiers.decide(native, there, lacks)
    say(f"done in {time.monotonic() - started:.0f} s")
    # 1 is failed tests, which are counted; 5 is nothing collected. All else broke pytest itself.
    broken = code not in (0, 1, 5)
    if broken:
        print(f"pytest on the running kernel ended with exit code {code}")
    for line in tiers.report(native, there, verdict, why):
        print(line)
    return 0 if verdict.ok and not broken else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
