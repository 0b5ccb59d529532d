"""The two programs behind an eBPF VLAN device.

What the parent's program does with a frame, compared with the kernel's own 802.1Q devices:

    untagged, or 802.1Q with VLAN 0 (priority only)   on to the stack        as the kernel does
    802.1Q, VLAN of one of the devices                into that device       as the kernel does
    802.1Q, another VLAN                              dropped
    802.1ad                                           dropped

The kernel hands the last two on to whatever bridge holds the parent, so that an unknown VLAN can
leak into a flat bridge on a trunk NIC (with its tag, or without it once something strips it).
Here it cannot.
"""

from __future__ import annotations

import socket

from trunkline.kernel.ebpf.assembler import Helper, Program, Register, Size

VLAN_COUNT = 4096

_R0, _R1, _R2, _R3 = Register.R0, Register.R1, Register.R2, Register.R3
_FP = Register.FP
_FRAME = Register.R6
_DEVICE = Register.R7

# Offsets in struct __sk_buff.
_VLAN_PRESENT = 20
_VLAN_TCI = 24
_VLAN_PROTO = 28

_ETH_P_8021Q = socket.htons(0x8100)
"""The helpers and the context hold it in network byte order."""
_VLAN_VID_MASK = 0x0FFF

_BPF_F_EGRESS = 0
_BPF_F_INGRESS = 1

_TC_ACT_UNSPEC = -1
"""Go on with the next filter: other people's filters see what is not ours."""
_TC_ACT_SHOT = 2


def sub_out(parent: int, vlan: int) -> Program:
    """Return the egress program of a VLAN device: push the tag, leave through *parent*.

    A frame that has a tag already gets a second one, as in the kernel's VLAN devices.
    """
    program = Program("tl_sub_out")
    program.set(_R2, _ETH_P_8021Q)
    program.set(_R3, vlan)
    program.call(Helper.SKB_VLAN_PUSH)
    program.set(_R1, parent)
    program.set(_R2, _BPF_F_EGRESS)
    program.call(Helper.REDIRECT)
    program.exit()
    return program


def trunk_in(devices: int) -> Program:
    """Return the ingress program of a parent; *devices* is the map from VLAN to ifindex."""
    program = Program("tl_trunk_in")
    program.move(_FRAME, _R1)
    program.load(Size.WORD, _R2, _FRAME, _VLAN_PRESENT)
    program.jump_if_equal(_R2, 0, "pass")
    program.load(Size.WORD, _R2, _FRAME, _VLAN_PROTO)
    program.jump_if_not_equal(_R2, _ETH_P_8021Q, "drop")
    program.load(Size.WORD, _R2, _FRAME, _VLAN_TCI)
    program.bit_and(_R2, _VLAN_VID_MASK)
    program.jump_if_equal(_R2, 0, "pass")
    _look_up(program, devices)
    program.move(_R1, _FRAME)
    program.call(Helper.SKB_VLAN_POP)
    program.move(_R1, _DEVICE)
    program.set(_R2, _BPF_F_INGRESS)
    program.call(Helper.REDIRECT)
    program.exit()
    program.label("drop")
    program.set(_R0, _TC_ACT_SHOT)
    program.exit()
    program.label("pass")
    program.set(_R0, _TC_ACT_UNSPEC)
    program.exit()
    return program


def _look_up(program: Program, devices: int) -> None:
    """Put the ifindex for the VLAN in R2 into the device register; no device is a drop."""
    program.store(Size.WORD, _FP, -4, _R2)
    program.load_map(_R1, devices)
    program.move(_R2, _FP)
    program.add(_R2, -4)
    program.call(Helper.MAP_LOOKUP_ELEM)
    program.jump_if_equal(_R0, 0, "drop")
    program.load(Size.WORD, _DEVICE, _R0, 0)
    program.jump_if_equal(_DEVICE, 0, "drop")
