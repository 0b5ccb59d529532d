"""What a refusal means: the kernel's words where it has some, ours where it has none."""

from __future__ import annotations

import errno
import os

from trunkline.errors import DeniedError, KernelError, TrunklineError
from trunkline.kernel.netlink.socket import Refusal
from trunkline.operation import Operation
from trunkline.state import Address, Bridge, BridgePort, Nic, PortVlan, Route, Row, VlanDevice

GONE = frozenset((errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL))
"""What the kernel says when asked to remove what is not there."""


def error(operation: Operation, refusal: Refusal) -> TrunklineError:
    subject = operation.describe()
    if refusal.errno == errno.EPERM:
        return DeniedError(f"{subject}: no permission", hint="run as root")
    text = refusal.text or _meaning(operation.row, refusal.errno)
    return KernelError(subject, refusal.errno, text, hint=_hint(operation.row, refusal.errno))


def of(operation: Operation, error: KernelError) -> KernelError:
    """Return *error* as what the kernel said to *operation*, of which it was one step."""
    return KernelError(operation.describe(), error.errno, error.text, hint=error.hint)


def _meaning(row: Row, number: int) -> str:
    """Say what *number* means for *row*; several refusals come without the kernel's own words."""
    match row, number:
        case _, errno.EEXIST:
            return "it exists already"
        case _, errno.ENODEV:
            return "there is no such device"
        case _, errno.EBUSY:
            return "its name, ifindex or place is taken"
        case VlanDevice(), errno.ENETDOWN:
            return f"its parent '{row.parent}' is down"
        # EINVAL when it is made (vlan_newlink), ERANGE when it is changed (vlan_dev_change_mtu).
        case VlanDevice(mtu=int()), errno.ERANGE | errno.EINVAL:
            return f"its MTU {row.mtu} is larger than that of '{row.parent}'"
        case Bridge(vlan_filtering=True) | PortVlan(), errno.EOPNOTSUPP:
            return "this kernel's bridges cannot filter VLANs"
        case BridgePort(), errno.ELOOP:
            return f"'{row.port}' is a bridge itself"
        case BridgePort(), errno.EOPNOTSUPP | errno.EINVAL:
            return f"'{row.port}' cannot be a port of '{row.bridge}'"
        case Address(), errno.EACCES:
            return f"IPv6 is off on '{row.device}'"
        case Route(), errno.ENETUNREACH | errno.EHOSTUNREACH:
            return f"no address here reaches the gateway '{row.gateway}'"
        case Route(), errno.ENETDOWN:
            return f"'{row.device}' is down"
        case ((Nic() | Bridge() | VlanDevice()), errno.EINVAL):
            return f"the device takes no MTU {row.mtu}, or no MAC '{row.mac}'"
        case _:
            return os.strerror(number)


def _hint(row: Row, number: int) -> str:
    if number != errno.EOPNOTSUPP:
        return ""
    if isinstance(row, VlanDevice):
        return "this kernel has no 802.1Q devices: use `vlan_devices: ebpf`, or modprobe 8021q"
    if isinstance(row, Bridge | PortVlan):
        return "use `switching: bridge-per-network`"
    return ""
