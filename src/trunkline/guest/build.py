"""Builds the complete guest kernel from Debian's kernel source: `make guest-kernel`.

The result is kept under the hash of uml.config, so a changed configuration is a new kernel and
an unchanged one is never built twice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from trunkline.errors import HostError, TrunklineError
from trunkline.guest import kernel

SOURCES = Path("/usr/src")

UNUSED = (
    "*/Documentation/*/*",
    "*/tools/testing/*",
    "*/sound/*.[ch]",
    "*/arch/[!ux]*/*.[chS]",
    *(f"*/drivers/{d}/*.[ch]" for d in ("gpu", "media", "staging", "infiniband", "scsi")),
    *(f"*/drivers/net/{d}/*.[ch]" for d in ("ethernet", "wireless")),
    *(f"*/fs/{d}/*.[ch]" for d in ("xfs", "btrfs")),
)
"""Half of the source's 1.5 GB; the Kconfig files and Makefiles stay, since others include them."""


def build() -> Path:
    """Return the kernel for our configuration, built now if it is not there yet."""
    target = kernel.cached()
    if os.access(target, os.X_OK):
        return target
    archive = source()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trunkline-kernel-", dir=target.parent) as name:
        work = Path(name)
        print(f"unpacking {archive}", flush=True)
        excluded = [f"--exclude={pattern}" for pattern in UNUSED]
        _run(work, "tar", "-xf", str(archive), "--wildcards", "--strip-components=1", *excluded)
        print("building the guest kernel", flush=True)
        make = ("make", "-s", "ARCH=um")
        _run(work, *make, f"KCONFIG_ALLCONFIG={kernel.CONFIG}", "allnoconfig")
        _run(work, *make, f"-j{len(os.sched_getaffinity(0))}", "linux")
        _run(work, "strip", "-o", "linux.stripped", "linux")
        os.rename(work / "linux.stripped", target)
    return target


def source() -> Path:
    """Return the newest kernel source that Debian's packages have put here."""
    archives = sorted(SOURCES.glob("linux-source-6.*.tar.xz"), key=_version)
    if not archives:
        raise HostError(
            f"there is no kernel source in '{SOURCES}'", hint="`apt-get install linux-source-6.12`"
        )
    return archives[-1]


def _version(path: Path) -> list[int]:
    release = path.name.removeprefix("linux-source-").removesuffix(".tar.xz")
    return [int(part) for part in release.split(".") if part.isdecimal()]


def _run(directory: Path, *command: str) -> None:
    """Run a build step; its output goes to a log that is kept only when the step fails."""
    log = directory / "log"
    # The flags of a make that runs us are not meant for the kernel's Makefile.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    with log.open("wb") as output:
        done = subprocess.run(
            command, cwd=directory, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    if done.returncode != 0:
        kept = shutil.copy(log, Path(tempfile.gettempdir(), "trunkline-guest-kernel.log"))
        raise HostError(f"'{' '.join(command[:3])}' failed", hint=f"its output is in {kept}")


if __name__ == "__main__":
    try:
        print(f"the guest kernel is {build()}")
    except TrunklineError as error:
        sys.exit(f"{error.message}; {error.hint}")
