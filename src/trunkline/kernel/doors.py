"""The way into a host's namespaces, for the time of one read or one apply."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from trunkline.errors import HostError
from trunkline.kernel import namespaces
from trunkline.kernel.netlink.socket import NetlinkSocket
from trunkline.state import ROOT


class Doors:
    """Sockets and descriptors of the namespaces of one host, opened when first needed."""

    def __init__(self, prefix: str, root: str | None) -> None:
        """See `linux.LinuxKernel` for what the two mean."""
        self._prefix = prefix
        self._root = root
        self._sockets: dict[str, NetlinkSocket] = {}
        self._descriptors: dict[str, int] = {}
        # The calling thread may stand in another namespace when this is looked at.
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in {*self._sockets, *self._descriptors}:
            self.close(namespace)
        os.close(self._home)

    def names(self) -> list[str]:
        """Return the names, without the prefix, of all namespaces that may be this host's.

        With a dot behind the prefix it is one of a host of a lab, or of somebody else.
        """
        found = (
            name.removeprefix(self._prefix)
            for name in namespaces.names()
            if name.startswith(self._prefix)
        )
        return [name for name in found if name and "." not in name]

    def path(self, namespace: str) -> Path | None:
        """Return where *namespace* is entered; None is where the thread is already."""
        if namespace != ROOT:
            return namespaces.path(self._prefix + namespace)
        if self._root is None:
            raise HostError("this kernel has no root namespace", hint="name a namespace")
        return Path(self._root) if self._root else None

    def has_root(self) -> bool:
        return self._root is not None

    @contextlib.contextmanager
    def entered(self, namespace: str) -> Iterator[None]:
        with namespaces.entered(self.path(namespace)):
            yield

    def socket(self, namespace: str) -> NetlinkSocket:
        """Return a socket in *namespace*, the same one until `close`."""
        found = self._sockets.get(namespace)
        if found is None:
            with self.entered(namespace):
                found = self._sockets[namespace] = NetlinkSocket()
        return found

    def open_here(self, namespace: str) -> None:
        """Open the socket of *namespace*, which the calling thread is in: no need to enter it."""
        self._sockets[namespace] = NetlinkSocket()

    def descriptor(self, namespace: str) -> int:
        """Return an open descriptor of *namespace*, the same one until `close`."""
        found = self._descriptors.get(namespace)
        if found is None:
            path = self.path(namespace)
            try:
                found = (
                    os.dup(self._home)
                    if path is None
                    else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                )
            except OSError as error:
                raise HostError(f"namespace '{namespace}': {error.strerror}") from error
            self._descriptors[namespace] = found
        return found

    def close(self, namespace: str) -> None:
        """Let go of *namespace*: a socket inside would keep it alive after its deletion."""
        socket = self._sockets.pop(namespace, None)
        if socket is not None:
            socket.close()
        descriptor = self._descriptors.pop(namespace, None)
        if descriptor is not None:
            os.close(descriptor)


def allow_files(count: int) -> None:
    """Let this process open *count* more files, as far as its hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if limit > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
