"""bpf(2) by ctypes: programs and array maps. Layouts: union bpf_attr, include/uapi/linux/bpf.h."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from trunkline.errors import DeniedError, HostError, KernelError
from trunkline.kernel.ebpf.assembler import Program

_NUMBERS = {"x86_64": 321, "aarch64": 280}

_MAP_CREATE = 0
_MAP_LOOKUP_ELEM = 1
_MAP_UPDATE_ELEM = 2
_PROG_LOAD = 5
_PROG_GET_FD_BY_ID = 13
_MAP_GET_FD_BY_ID = 14
_OBJ_GET_INFO_BY_FD = 15
_MAP_LOOKUP_BATCH = 24

_MAP_TYPE_ARRAY = 2
_PROG_TYPE_SCHED_CLS = 3
_INFO_SIZE = 104
_LOG_SIZE = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)


class ArrayMap:
    """A kernel array of 32-bit numbers; closing the last descriptor and program frees it."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self.size = size

    def __enter__(self) -> ArrayMap:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def __getitem__(self, index: int) -> int:
        value = ctypes.c_uint32()
        self._element(_MAP_LOOKUP_ELEM, index, value)
        return value.value

    def __setitem__(self, index: int, number: int) -> None:
        self._element(_MAP_UPDATE_ELEM, index, ctypes.c_uint32(number))

    def values(self) -> list[int]:
        """Return all numbers, read with one call (Linux 5.6)."""
        keys, found = (ctypes.c_uint32 * self.size)(), (ctypes.c_uint32 * self.size)()
        position = ctypes.c_uint32()
        places = (0, *(ctypes.addressof(part) for part in (position, keys, found)))
        request = struct.pack("QQQQIIQQ", *places, self.size, self.fd, 0, 0)
        _bpf("map lookup", _MAP_LOOKUP_BATCH, request)
        return list(found)

    def _element(self, command: int, index: int, value: ctypes.c_uint32) -> None:
        key = ctypes.c_uint32(index)
        places = (ctypes.addressof(key), ctypes.addressof(value), 0)
        _bpf("map element", command, struct.pack("I4xQQQ", self.fd, *places))


def create_array(name: str, size: int) -> ArrayMap:
    """Return a new array of *size* numbers, all 0."""
    numbers = (_MAP_TYPE_ARRAY, 4, 4, size, 0, 0, 0)
    request = struct.pack("7I16s", *numbers, name.encode()[:15])
    return ArrayMap(_bpf("map create", _MAP_CREATE, request), size)


def load(program: Program) -> int:
    """Return the fd of *program*, accepted by the verifier."""
    subject = f"bpf prog load {program.name}"
    try:
        return _load(subject, program, None)
    except KernelError as error:
        # Only now: writing a log makes the verifier many times slower.
        log = ctypes.create_string_buffer(_LOG_SIZE)
        try:
            return _load(subject, program, log)
        except KernelError:
            said = log.value.decode(errors="replace").strip()
            raise KernelError(subject, error.errno, error.text, hint=said[-1500:]) from error


def array_of(program: int, size: int) -> ArrayMap:
    """Return the array that a loaded program, known by its id, uses as its only map."""
    with closing(_bpf("prog get", _PROG_GET_FD_BY_ID, struct.pack("III", program, 0, 0))) as fd:
        number = ctypes.c_uint32()
        # struct bpf_prog_info: nr_map_ids at 52, map_ids at 56.
        info = ctypes.create_string_buffer(
            struct.pack("52xIQ", 1, ctypes.addressof(number)), _INFO_SIZE
        )
        request = struct.pack("IIQ", fd, _INFO_SIZE, ctypes.addressof(info))
        _bpf("prog info", _OBJ_GET_INFO_BY_FD, request)
    request = struct.pack("III", number.value, 0, 0)
    return ArrayMap(_bpf("map get", _MAP_GET_FD_BY_ID, request), size)


@contextmanager
def closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def _load(subject: str, program: Program, log: ctypes.Array[ctypes.c_char] | None) -> int:
    code = program.encode()
    # Keep the buffers in variables: the kernel reads them through bare addresses.
    instructions = ctypes.create_string_buffer(code, len(code))
    license_ = ctypes.create_string_buffer(b"GPL")
    request = struct.pack(
        "IIQQIIQII16s",
        _PROG_TYPE_SCHED_CLS,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(license_),
        0 if log is None else 1,
        0 if log is None else len(log),
        0 if log is None else ctypes.addressof(log),
        0,  # kern_version
        0,  # prog_flags
        program.name.encode()[:15],
    )
    return _bpf(subject, _PROG_LOAD, request)


def _bpf(subject: str, command: int, attributes: bytes) -> int:
    number = _NUMBERS.get(os.uname().machine)
    if number is None or sys.byteorder != "little":
        raise HostError(
            f"eBPF VLAN devices are not made for '{os.uname().machine}'",
            hint="use a kernel with 802.1Q devices (CONFIG_VLAN_8021Q)",
        )
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = int(_libc.syscall(number, command, buffer, len(attributes)))
    if result < 0:
        raise _explained(subject, ctypes.get_errno())
    return result


def _explained(subject: str, number: int) -> HostError | KernelError:
    text = os.strerror(number)
    if number == errno.ENOSYS:
        return HostError("the kernel has no bpf(2)", hint="CONFIG_BPF_SYSCALL is not set")
    if number == errno.EPERM:
        return DeniedError(f"{subject}: {text}", hint="run as root; a container needs CAP_BPF")
    return KernelError(subject, number, text)
