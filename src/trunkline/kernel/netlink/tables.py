"""The names of nftables' tables, by one cheap dump: most namespaces have none to look into."""

from __future__ import annotations

import struct

from trunkline.errors import DeniedError, HostError, KernelError
from trunkline.kernel.netlink import uapi
from trunkline.kernel.netlink.message import message, string, values
from trunkline.kernel.netlink.socket import NetlinkSocket

_NFGEN = struct.Struct("=BBH")
"""Family, version, resource id."""


def names() -> frozenset[str]:
    """Return the tables' names in the thread's namespace."""
    flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
    request = message(uapi.NFT_MSG_GETTABLE, flags, 1, _NFGEN.pack(uapi.AF_UNSPEC, 0, 0))
    try:
        with NetlinkSocket(uapi.NETLINK_NETFILTER) as netfilter:
            answer = netfilter.dump(request)
    except DeniedError:
        raise
    except (HostError, KernelError):  # a kernel without nftables has no tables
        return frozenset()
    found = (values(buffer, start + _NFGEN.size, end) for _, buffer, start, end in answer)
    raw = (table.get(uapi.NFTA_TABLE_NAME, b"") for table in found)
    return frozenset(string(name, 0, len(name)) for name in raw)
