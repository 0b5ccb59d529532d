"""The eBPF assembler, against encodings that were made by others, and bpf(2)."""

from __future__ import annotations

import pytest

from trunkline.errors import KernelError
from trunkline.kernel.ebpf import programs, syscall
from trunkline.kernel.ebpf.assembler import Helper, Instruction, Program, Register, Size

# --- assembler -----------------------------------------------------------------------------------


def test_instructions_have_the_encodings_of_the_kernel_documentation() -> None:
    """As llvm-mc prints them for the same assembly text."""
    program = Program("t")
    program.set(Register.R0, -1)  # r0 = -1
    program.move(Register.R6, Register.R1)  # r6 = r1
    program.add(Register.R2, -4)  # r2 += -4
    program.bit_and(Register.R2, 0xFFF)  # r2 &= 0xfff
    program.load(Size.WORD, Register.R2, Register.R1, 20)  # r2 = *(u32 *)(r1 + 20)
    program.store(Size.WORD, Register.FP, -4, Register.R2)  # *(u32 *)(r10 - 4) = r2
    program.load(Size.HALF, Register.R3, Register.R7, 12)  # r3 = *(u16 *)(r7 + 12)
    program.call(Helper.REDIRECT)  # call 23
    program.exit()
    assert program.encode().hex() == (
        "b7000000ffffffff"
        "bf16000000000000"
        "07020000fcffffff"
        "57020000ff0f0000"
        "6112140000000000"
        "632afcff00000000"
        "69730c0000000000"
        "8500000017000000"
        "9500000000000000"
    )


def test_a_map_takes_two_slots() -> None:
    program = Program("t")
    program.load_map(Register.R1, 5)
    assert program.encode().hex() == "18110000050000000000000000000000"


def test_jumps_count_from_the_instruction_behind_them() -> None:
    program = Program("t")
    program.jump_if_equal(Register.R2, 7, "end")
    program.set(Register.R0, 2)
    program.label("end")
    program.jump_if_not_equal(Register.R0, 0, "end")
    program.exit()
    assert [i.offset for i in program.instructions()] == [1, 0, -1, 0]
    assert program.instructions()[0] == Instruction(0x15, 2, 0, 1, 7)


def test_a_tag_does_not_depend_on_the_number_of_the_map() -> None:
    assert programs.trunk_in(3).tags() == programs.trunk_in(99).tags()
    assert programs.sub_out(3, 10).tags().isdisjoint(programs.sub_out(3, 20).tags())


# --- bpf(2) --------------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.needs("ebpf_vlan")
def test_the_verifier_is_quoted() -> None:
    """A program that returns nothing is refused, and the error says which register."""
    program = Program("bad")
    program.exit()
    with pytest.raises(KernelError, match="bpf prog load bad") as caught:
        syscall.load(program)
    assert "R0 !read_ok" in caught.value.hint


@pytest.mark.kernel
@pytest.mark.needs("ebpf_vlan")
def test_an_array_holds_numbers() -> None:
    with syscall.create_array("t", 4) as array:
        array[2] = 0xFFFFFFFF
        assert array[2] == 0xFFFFFFFF
        assert array.values() == [0, 0, 0xFFFFFFFF, 0]
        with pytest.raises(KernelError):
            array[4] = 1
