"""Dumps that are complete, batches whose errors are told apart."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from trunkline.errors import KernelError
from trunkline.kernel import namespaces, rows
from trunkline.kernel.netlink import link, links, uapi
from trunkline.kernel.netlink.message import HEADER, Message, message, u32
from trunkline.kernel.netlink.socket import BARRIER, NetlinkSocket, Refusal

pytestmark = pytest.mark.kernel


@pytest.fixture
def netlink() -> Iterator[NetlinkSocket]:
    with namespaces.scratch(), NetlinkSocket() as found:
        yield found


def names(netlink: NetlinkSocket) -> list[str]:
    """Return the names of all devices but those that the kernel made."""
    found = links.parse(netlink.dump(link.dump()))
    return [each.name for each in found if not rows.is_born(each)]


def test_a_batch_goes_on_after_a_refusal_and_says_which_request_it_was(
    netlink: NetlinkSocket,
) -> None:
    refused = netlink.batch(
        [
            link.create(10, 5000, "br0", "bridge"),
            link.create(11, 5001, "x", "no-such-kind"),
            link.create(12, 5002, "br0", "bridge"),
            link.create(13, 5003, "br1", "bridge"),
        ]
    )

    assert [(each.seq, each.errno) for each in refused] == [
        (11, errno.EOPNOTSUPP),
        (12, errno.EEXIST),
    ]
    assert refused[0].text == "Unknown device type"
    assert names(netlink) == ["br0", "br1"]


def test_a_batch_of_many_sends_loses_nothing(netlink: NetlinkSocket) -> None:
    requests = [link.create(n, 5000 + n, f"br{n}", "bridge") for n in range(300)]
    padding = link.change(999, 1, link.alias("x" * 200)) * 20

    assert netlink.batch([*requests, *([padding] * 40)]) == []
    assert len(names(netlink)) == 300


def test_requests_of_one_piece_are_never_sent_apart() -> None:
    from trunkline.kernel.netlink.socket import _chunks

    pieces = [bytes([n]) * 700 for n in range(10)]
    chunks = list(_chunks(pieces, 1500))

    assert b"".join(chunks) == b"".join(pieces)
    assert {len(chunk) for chunk in chunks} == {1400}
    assert list(_chunks([b"x" * 5000], 1500)) == [b"x" * 5000]


def test_too_many_errors_are_an_error_and_the_socket_stays_usable() -> None:
    with namespaces.scratch(), NetlinkSocket(receive_room=2048) as netlink:
        refused = netlink.batch(link.delete(n, 77777) for n in range(2000))

        assert Refusal(BARRIER, errno.ENOBUFS, "too many errors at once") in refused
        assert netlink.batch([link.create(1, 5000, "br0", "bridge")]) == []
        assert names(netlink) == ["br0"]


def test_a_dump_that_is_refused_raises_the_kernels_words(netlink: NetlinkSocket) -> None:
    flags = uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP
    unasked = message(uapi.RTM_GETLINK, flags, 1, link.IFINFO.pack(0, 0, 1, 1, 0))

    with pytest.raises(KernelError) as caught:
        netlink.dump(unasked)
    assert caught.value.errno == errno.EINVAL
    assert "Invalid values in header" in caught.value.text


def test_dumps_are_whole_while_somebody_makes_and_removes_devices(netlink: NetlinkSocket) -> None:
    """Whatever happens around it, what stays all the time is in every dump, and nothing twice."""
    staying = {f"stay{n}" for n in range(60)}
    netlink.batch(link.create(n, 6000 + n, name, "bridge") for n, name in enumerate(staying))
    stop = threading.Event()
    with NetlinkSocket() as other:

        def stir() -> None:
            while not stop.is_set():
                other.batch([link.create(1, 5999, "stir", "bridge")])
                other.batch([link.delete(1, 5999)])

        thread = threading.Thread(target=stir)
        thread.start()
        try:
            for _ in range(30):
                found = names(netlink)
                assert staying <= set(found)
                assert len(found) == len(set(found))
        finally:
            stop.set()
            thread.join()


class Scripted:
    """Stands for the kernel's end of the socket: says what it was given, datagram by datagram."""

    def __init__(self, *answers: bytes | int) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return len(data)

    def recv_into(self, buffer: bytearray, size: int, flags: int) -> int:
        if flags & socket.MSG_DONTWAIT:
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            raise OSError(answer, "scripted")
        buffer[: len(answer)] = answer
        return len(answer)

    def close(self) -> None:
        assert not self.answers, "an answer was not taken"


@pytest.fixture
def scripted(netlink: NetlinkSocket) -> NetlinkSocket:
    netlink.close()
    return netlink


def done(seq: int = 1, flags: int = 2) -> bytes:
    return HEADER.pack(20, uapi.NLMSG_DONE, flags, seq, 0) + bytes(4)


def device(index: int, seq: int = 1, flags: int = 2) -> bytes:
    return message(uapi.RTM_NEWLINK, flags, seq, link.IFINFO.pack(0, 1, index, 0, 0))


def play(netlink: NetlinkSocket, *answers: bytes | int) -> list[Message]:
    script = Scripted(*answers)
    netlink._socket = script  # type: ignore[assignment]  # a fake with the three methods in use
    return netlink.dump(link.dump())


def indexes(answer: list[Message]) -> list[int]:
    return [link.IFINFO.unpack_from(buffer, start)[2] for _, buffer, start, _ in answer]


def test_an_interrupted_dump_is_read_again(scripted: NetlinkSocket) -> None:
    torn = uapi.NLM_F_DUMP_INTR | 2
    answer = play(scripted, device(1, flags=torn) + done(), device(1) + device(2) + done())

    assert indexes(answer) == [1, 2]


def test_a_dump_that_says_at_its_end_that_it_was_interrupted_is_read_again(
    scripted: NetlinkSocket,
) -> None:
    torn = done(flags=uapi.NLM_F_DUMP_INTR | 2)

    assert indexes(play(scripted, device(1) + torn, device(2), done())) == [2]


def test_a_dump_that_overflows_is_read_again(scripted: NetlinkSocket) -> None:
    answer = play(scripted, device(1), errno.ENOBUFS, device(1) + device(2) + done())

    assert indexes(answer) == [1, 2]


def test_answers_to_somebody_elses_number_are_not_ours(scripted: NetlinkSocket) -> None:
    assert indexes(play(scripted, device(7, seq=9) + done(9), device(1) + done())) == [1]


def test_a_dump_that_never_settles_is_an_error(scripted: NetlinkSocket) -> None:
    torn = device(1, flags=uapi.NLM_F_DUMP_INTR | 2) + done()

    with pytest.raises(KernelError, match="changes faster"):
        play(scripted, *([torn] * 20))


def test_a_half_done_request_leaves_what_it_did(netlink: NetlinkSocket) -> None:
    """So nobody may infer a state from a refusal: it has to be read."""
    netlink.batch([link.create(1, 5000, "br0", "bridge")])
    refused = netlink.batch([link.change(2, 5000, link.mtu(1400), u32(uapi.IFLA_MASTER, 4711))])

    assert [each.seq for each in refused] == [2]
    bridge = links.parse(netlink.dump(link.dump()))[-1]
    assert bridge.mtu == 1400
