"""Network namespaces by name, beside what `ip netns` does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trunkline.errors import ConflictError, HostError
from trunkline.kernel import namespaces

KILLED = """
import os, signal, sys
from trunkline.kernel import namespaces
namespaces._mount = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
namespaces.create(sys.argv[1])
"""


def here() -> str:
    return os.readlink("/proc/thread-self/ns/net")


def test_a_name_is_a_file_name() -> None:
    for name in ("", ".", "..", "a/b", "a\0b", "x" * 256):
        with pytest.raises(HostError, match="is not a file name"):
            namespaces.path(name)


@pytest.fixture
def name(unique: str) -> Iterator[str]:
    yield unique
    namespaces.delete(unique)


@pytest.mark.kernel
class TestNames:
    def test_ip_netns_sees_what_we_create(self, name: str) -> None:
        namespaces.create(name)
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True)
        assert name in [line.split()[0] for line in listed.stdout.splitlines()]
        inside = ["ip", "netns", "exec", name, "readlink", "/proc/self/ns/net"]
        link = subprocess.run(inside, capture_output=True, text=True, check=True)
        with namespaces.entered(namespaces.path(name)):
            assert here() == link.stdout.strip()

    def test_we_see_and_delete_what_ip_netns_creates(self, name: str) -> None:
        subprocess.run(["ip", "netns", "add", name], check=True)
        assert name in namespaces.names()
        namespaces.delete(name)
        assert name not in namespaces.names()
        assert not namespaces.path(name).exists()

    def test_where_names_would_not_last_none_is_made(
        self, name: str, unique_names: Iterator[str]
    ) -> None:
        """Inside `ip netns exec` every mount is a copy that only follows the host's."""
        inside = next(unique_names)
        namespaces.create(name)
        script = f"from trunkline.kernel import namespaces; namespaces.create('{inside}')"
        argv = ["ip", "netns", "exec", name, sys.executable, "-c", script]

        done = subprocess.run(argv, capture_output=True, text=True)

        assert "HostError" in done.stderr
        assert "private copy" in done.stderr
        assert not namespaces.path(inside).exists()

    def test_creating_twice_is_a_conflict(self, name: str) -> None:
        namespaces.create(name)
        with pytest.raises(ConflictError, match=f"'{name}' exists already"):
            namespaces.create(name)

    def test_deleting_twice_is_deleting(self, name: str) -> None:
        namespaces.create(name)
        namespaces.delete(name)
        namespaces.delete(name)

    def test_many_at_once(self, unique: str) -> None:
        many = [f"{unique}{number}" for number in range(20)]
        try:
            namespaces.create_many(many)
            assert set(many) <= set(namespaces.names())
            links = {os.stat(namespaces.path(name)).st_ino for name in many}
            assert len(links) == len(many)
        finally:
            for name in many:
                namespaces.delete(name)

    def test_each_of_many_is_visited_by_a_thread_that_is_in_it(self, unique: str) -> None:
        many = [f"{unique}{number}" for number in range(5)]
        seen = {}
        outside = here()
        try:
            namespaces.create_many(many, lambda name: seen.update({name: here()}))
            inodes = {name: os.stat(namespaces.path(name)).st_ino for name in many}
            assert seen == {name: f"net:[{inode}]" for name, inode in inodes.items()}
            assert here() == outside
        finally:
            for name in many:
                namespaces.delete(name)

    def test_a_killed_creation_leaves_a_name_that_is_known_for_what_it_is(self, name: str) -> None:
        """Killed between the file and the mount: no namespace, but listed, and taken over."""
        done = subprocess.run([sys.executable, "-c", KILLED, name], env=environment())
        assert done.returncode == -signal.SIGKILL
        assert name not in namespaces.names()
        assert name in namespaces.leftovers()
        namespaces.create(name)
        assert name in namespaces.names()
        assert name not in namespaces.leftovers()

    def test_a_leftover_file_can_be_deleted(self, name: str) -> None:
        namespaces.NETNS_DIR.mkdir(exist_ok=True)
        namespaces.path(name).touch()
        namespaces.delete(name)
        assert name not in namespaces.leftovers()

    def test_the_directory_is_shared_with_other_mount_namespaces(self, name: str) -> None:
        """Else a process in its own mount namespace would keep a deleted name alive."""
        namespaces.create(name)
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        (row,) = [line for line in mounts if line.split()[4] == str(namespaces.NETNS_DIR)]
        assert "shared:" in row


@pytest.mark.kernel
class TestThreads:
    def test_only_the_calling_thread_moves(self, scratch_namespace: str) -> None:
        """A thread that is there already stays; one that is started inside is inside."""
        outside = here()
        with ThreadPoolExecutor(1) as early, ThreadPoolExecutor(1) as late:
            assert early.submit(here).result() == outside
            with namespaces.entered(namespaces.path(scratch_namespace)):
                inside = here()
                assert early.submit(here).result() == outside
                assert late.submit(here).result() == inside != outside
            assert late.submit(here).result() == inside
        assert here() == outside

    def test_an_exception_brings_the_thread_back(self, scratch_namespace: str) -> None:
        outside = here()
        with (
            pytest.raises(ZeroDivisionError),
            namespaces.entered(namespaces.path(scratch_namespace)),
        ):
            raise ZeroDivisionError
        assert here() == outside

    def test_entering_nothing_stays(self) -> None:
        outside = here()
        with namespaces.entered(None):
            assert here() == outside

    def test_a_missing_namespace_is_named(self) -> None:
        with (
            pytest.raises(HostError, match=r"'/run/netns/tlt-absent': No such file"),
            namespaces.entered(namespaces.path("tlt-absent")),
        ):
            pass

    def test_a_scratch_namespace_has_no_name(self) -> None:
        before, outside = namespaces.names(), here()
        with namespaces.scratch():
            assert here() != outside
            assert namespaces.names() == before
        assert here() == outside


@pytest.mark.kernel
class TestProcesses:
    def test_a_process_is_found_in_its_namespace(self, scratch_namespace: str) -> None:
        with namespaces.entered(namespaces.path(scratch_namespace)):
            sleeper = subprocess.Popen(["sleep", "60"])
        try:
            assert namespaces.processes(scratch_namespace) == [sleeper.pid]
        finally:
            sleeper.kill()
            sleeper.wait()
        assert namespaces.processes(scratch_namespace) == []

    def test_an_absent_namespace_has_no_processes(self) -> None:
        assert namespaces.processes("tlt-absent") == []

    def test_run_gives_input_and_takes_output(self, scratch_namespace: str) -> None:
        target = namespaces.path(scratch_namespace)
        done = namespaces.run(target, ["cat"], input="; reboot\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, "; reboot\n", "")
        seen = namespaces.run(target, ["readlink", "/proc/self/ns/net"]).stdout.strip()
        assert seen != here()

    def test_a_missing_program_is_named(self) -> None:
        with pytest.raises(HostError, match="program 'tlt-absent' is not installed"):
            namespaces.run(None, ["tlt-absent"])

    def test_a_program_that_hangs_is_ended(self) -> None:
        start = time.monotonic()
        with pytest.raises(HostError, match=r"program 'sleep' did not end within 0\.2 s"):
            namespaces.run(None, ["sleep", "60"], timeout=0.2)
        assert time.monotonic() - start < 10


def environment() -> dict[str, str]:
    source = Path(namespaces.__file__).parents[2]
    return {**os.environ, "PYTHONPATH": str(source)}
