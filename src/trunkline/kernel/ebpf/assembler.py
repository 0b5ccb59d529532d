"""An assembler for eBPF: one method an instruction, labels resolved at the end.

Instruction format and opcodes: Documentation/bpf/standardization/instruction-set.rst.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from dataclasses import dataclass, replace


class Register(enum.IntEnum):
    """R0 holds results, R1-R5 arguments (lost in a call), R6-R9 stay, FP is the stack's top."""

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    FP = 10


class Size(enum.IntEnum):
    """The width of a load or store, as its opcode bits (BPF_W, BPF_H, BPF_B, BPF_DW)."""

    WORD = 0x00
    HALF = 0x08
    BYTE = 0x10
    DOUBLE = 0x18


class Helper(enum.IntEnum):
    """The kernel functions that our programs call (include/uapi/linux/bpf.h)."""

    MAP_LOOKUP_ELEM = 1
    SKB_VLAN_PUSH = 18
    SKB_VLAN_POP = 19
    REDIRECT = 23


_PSEUDO_MAP_FD = 1
_LOAD_MAP = 0x18
_SIZE = 8


@dataclass(frozen=True)
class Instruction:
    """struct bpf_insn."""

    opcode: int
    target: int = 0
    source: int = 0
    offset: int = 0
    immediate: int = 0

    def encode(self) -> bytes:
        registers = self.source << 4 | self.target
        return struct.pack("<BBhi", self.opcode, registers, self.offset, self.immediate)


class Program:
    """Instructions under construction."""

    def __init__(self, name: str) -> None:
        self.name = name
        """At most 15 characters, shown by `bpftool prog`."""
        self._instructions: list[Instruction] = []
        self._labels: dict[str, int] = {}
        self._jumps: dict[int, str] = {}

    def move(self, target: Register, source: Register) -> None:
        self._emit(0xBF, target, source)

    def set(self, target: Register, value: int) -> None:
        """Set the whole register; the value is sign-extended from 32 bits."""
        self._emit(0xB7, target, immediate=value)

    def add(self, target: Register, value: int) -> None:
        self._emit(0x07, target, immediate=value)

    def bit_and(self, target: Register, value: int) -> None:
        self._emit(0x57, target, immediate=value)

    def load(self, size: Size, target: Register, source: Register, offset: int) -> None:
        self._emit(0x61 | size, target, source, offset)

    def store(self, size: Size, target: Register, offset: int, source: Register) -> None:
        self._emit(0x63 | size, target, source, offset)

    def load_map(self, target: Register, fd: int) -> None:
        """Load a map's address: the one instruction that takes two slots."""
        self._emit(_LOAD_MAP, target, _PSEUDO_MAP_FD, immediate=fd)
        self._emit(0)

    def jump_if_equal(self, target: Register, value: int, label: str) -> None:
        self._jump(0x15, target, value, label)

    def jump_if_not_equal(self, target: Register, value: int, label: str) -> None:
        self._jump(0x55, target, value, label)

    def call(self, helper: Helper) -> None:
        self._emit(0x85, immediate=helper)

    def exit(self) -> None:
        self._emit(0x95)

    def label(self, name: str) -> None:
        self._labels[name] = len(self._instructions)

    def instructions(self) -> list[Instruction]:
        """Return the instructions with every jump's distance filled in."""
        return [
            replace(instruction, offset=self._labels[self._jumps[at]] - at - 1)
            if at in self._jumps
            else instruction
            for at, instruction in enumerate(self._instructions)
        ]

    def encode(self) -> bytes:
        return b"".join(instruction.encode() for instruction in self.instructions())

    def tags(self) -> frozenset[bytes]:
        """Return the tags that a kernel may give this program.

        A tag is a hash over what was loaded, without the numbers of the maps
        (bpf_prog_calc_tag): SHA-1 before Linux 6.18, SHA-256 since.
        """
        plain = [
            replace(i, immediate=0) if i.opcode == _LOAD_MAP else i for i in self.instructions()
        ]
        code = b"".join(instruction.encode() for instruction in plain)
        return frozenset(hash(code).digest()[:8] for hash in (hashlib.sha1, hashlib.sha256))

    def _jump(self, opcode: int, target: Register, value: int, label: str) -> None:
        self._jumps[len(self._instructions)] = label
        self._emit(opcode, target, immediate=value)

    def _emit(
        self, opcode: int, target: int = 0, source: int = 0, offset: int = 0, immediate: int = 0
    ) -> None:
        self._instructions.append(Instruction(opcode, target, source, offset, immediate))
