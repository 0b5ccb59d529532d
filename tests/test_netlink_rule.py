"""Rules of policy routing: what we add, `ip` and pyroute2 read, and the other way round."""

from __future__ import annotations

import errno
import json
import subprocess

import pytest

from trunkline.errors import KernelError
from trunkline.kernel import namespaces
from trunkline.kernel.netlink import rule, uapi
from trunkline.kernel.netlink.rule import Rule
from trunkline.kernel.netlink.socket import NetlinkSocket

pytestmark = pytest.mark.kernel

FOUR, SIX = uapi.AF_INET, uapi.AF_INET6
OURS = [
    Rule(FOUR, 8400, 84, "10.0.0.0/8", "0.0.0.0/0", protocol=84),
    Rule(FOUR, 8401, 100_000, "0.0.0.0/0", "192.0.2.0/24", "lo", 84),
    Rule(SIX, 8402, 84, "2001:db8::/32", "2001:db8:1::1/128", "not-there-yet", 84),
]
FAMILY = {FOUR: "-4", SIX: "-6"}


def read(namespace: str, family: int) -> list[Rule]:
    with namespaces.entered(namespaces.path(namespace)), NetlinkSocket() as netlink:
        return list(rule.parse(netlink.dump(rule.dump(family))))


def send(namespace: str, *messages: bytes) -> None:
    with namespaces.entered(namespaces.path(namespace)), NetlinkSocket() as netlink:
        for each in netlink.batch(messages):
            raise KernelError("rule", each.errno, each.text)


def ip(namespace: str, family: int) -> list[Rule]:
    """Return the rules that iproute2 reads."""
    argv = ("ip", "-n", namespace, FAMILY[family], "-d", "-N", "-j", "rule")
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    length = 32 if family == FOUR else 128
    return [
        Rule(
            family,
            each["priority"],
            int(each["table"]),
            _prefix(family, each["src"], each.get("srclen", length)),
            _prefix(family, each.get("dst", "all"), each.get("dstlen", length)),
            each.get("iif"),
            int(each["protocol"]),
        )
        for each in json.loads(done.stdout)
    ]


def _prefix(family: int, host: str, length: int) -> str:
    return rule.everything(family) if host == "all" else f"{host}/{length}"


def test_iproute2_reads_what_we_add(scratch_namespace: str) -> None:
    send(scratch_namespace, *(rule.add(seq, each) for seq, each in enumerate(OURS, 1)))

    for family in (FOUR, SIX):
        seen = read(scratch_namespace, family)
        assert [each for each in seen if each.protocol == 84] == [
            each for each in OURS if each.family == family
        ]
        # The kernel's own rules are there too.
        assert ip(scratch_namespace, family) == seen


def test_pyroute2_reads_what_we_add(scratch_namespace: str) -> None:
    pyroute2 = pytest.importorskip("pyroute2")
    send(scratch_namespace, *(rule.add(seq, each) for seq, each in enumerate(OURS, 1)))

    with pyroute2.NetNS(scratch_namespace) as netns:
        theirs = [
            (
                each["family"],
                each.get_attr("FRA_PRIORITY") or 0,
                each.get_attr("FRA_TABLE"),
                each.get_attr("FRA_IIFNAME"),
                each.get_attr("FRA_PROTOCOL"),
                each["src_len"],
                each["dst_len"],
            )
            for family in (FOUR, SIX)
            for each in netns.get_rules(family=family)
        ]
    mine = [
        (
            each.family,
            each.priority,
            each.table,
            each.iifname,
            each.protocol,
            int(each.source.partition("/")[2]),
            int(each.destination.partition("/")[2]),
        )
        for family in (FOUR, SIX)
        for each in read(scratch_namespace, family)
    ]
    assert mine == theirs


def test_what_is_added_can_be_deleted(scratch_namespace: str) -> None:
    before = [*read(scratch_namespace, FOUR), *read(scratch_namespace, SIX)]
    send(scratch_namespace, *(rule.add(seq, each) for seq, each in enumerate(OURS, 1)))
    send(scratch_namespace, *(rule.delete(seq, each) for seq, each in enumerate(OURS, 1)))

    assert [*read(scratch_namespace, FOUR), *read(scratch_namespace, SIX)] == before
    with pytest.raises(KernelError):
        send(scratch_namespace, rule.delete(1, OURS[0]))


def test_a_second_one_is_refused(scratch_namespace: str) -> None:
    send(scratch_namespace, rule.add(1, OURS[0]))

    with pytest.raises(KernelError) as raised:
        send(scratch_namespace, rule.add(1, OURS[0]))
    assert raised.value.errno == errno.EEXIST


@pytest.mark.parametrize(
    "words",
    [
        ("fwmark", "7", "table", "84"),
        ("not", "from", "10.0.0.0/8", "table", "84"),
        ("from", "10.0.0.0/8", "unreachable"),
        ("oif", "lo", "table", "84"),
        ("table", "main", "suppress_prefixlength", "0"),
        ("tos", "0x10", "table", "84"),
    ],
    ids=" ".join,
)
def test_a_rule_that_says_more_is_not_taken_for_a_plain_one(
    words: tuple[str, ...], scratch_namespace: str
) -> None:
    argv = ("ip", "-n", scratch_namespace, "rule", "add", "priority", "9", *words)
    subprocess.run(argv, check=True)

    (found,) = (each for each in read(scratch_namespace, FOUR) if each.priority == 9)
    assert not found.plain
