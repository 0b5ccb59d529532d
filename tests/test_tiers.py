"""The decision what runs where and whether a run of the tests is a success."""

from __future__ import annotations

import json

from dev import tiers
from dev.tiers import Outcome, Result, Tier

PASSED, FAILED, SKIPPED = Result.PASSED, Result.FAILED, Result.SKIPPED


def kernel(node: str, result: Result, *missing: str, guest: bool = False) -> Outcome:
    reason = f"this kernel lacks {', '.join(missing)}" if missing else ""
    return Outcome(node, result, reason, kernel=True, guest=guest, missing=missing)


def native(*outcomes: Outcome) -> Tier:
    return Tier("6.18", outcomes)


def guest(*outcomes: Outcome) -> Tier:
    return Tier("6.1.176 (Debian's)", outcomes)


def test_parse_keeps_the_last_outcome_of_a_test() -> None:
    """A test whose worker crashed and that ran again has one outcome."""
    lines = [
        {"node": "a", "result": "failed", "reason": "crashed"},
        {"node": "a", "result": "skipped", "reason": "r", "kernel": True, "missing": ["nft"]},
    ]

    assert tiers.parse("\n".join(map(json.dumps, lines))) == (
        Outcome("a", SKIPPED, "r", kernel=True, missing=("nft",)),
    )


def test_for_guest_takes_skipped_kernel_tests_and_guest_tests() -> None:
    """A failed kernel test has run; a skipped test without the kernel needs none."""
    outcomes = [
        kernel("passed", PASSED),
        kernel("failed", FAILED),
        kernel("lacks", SKIPPED, "vlan_devices"),
        kernel("both", PASSED, guest=True),
        Outcome("pure", SKIPPED, "no such tool"),
    ]

    assert tiers.for_guest(outcomes) == ("lacks", "both")


def test_shards_are_never_empty() -> None:
    """One test needs one guest, whatever the number of CPUs."""
    assert tiers.shards(["a", "b", "c"], 2) == [["a", "c"], ["b"]]
    assert tiers.shards(["a"], 2) == [["a"]]


def test_a_test_skipped_here_and_passed_there_passed() -> None:
    """Each test counts once, and the run is a success."""
    verdict = tiers.decide(
        native(Outcome("pure", PASSED), kernel("k", SKIPPED, "vlan_devices")),
        guest(kernel("k", PASSED)),
    )

    assert verdict == tiers.Verdict(2, (), (), ())
    assert verdict.ok


def test_a_kernel_test_that_ran_nowhere_fails_the_run() -> None:
    """Whether there was no guest, or the guest skipped it too."""
    skipped = kernel("k", SKIPPED, "vlan_devices")

    for there in (None, guest(skipped)):
        verdict = tiers.decide(native(Outcome("pure", PASSED), skipped), there)

        assert verdict.nowhere == (skipped,)
        assert not verdict.ok


def test_what_debians_kernel_is_known_to_lack_is_excused() -> None:
    """Only exactly that: another lack beside it still fails the run."""
    nft = kernel("nft", SKIPPED, "nft")
    both = kernel("both", SKIPPED, "nft", "ebpf_vlan")
    here = native(Outcome("pure", PASSED), kernel("nft", SKIPPED), kernel("both", SKIPPED))

    verdict = tiers.decide(here, guest(nft, both), lacks=frozenset({"nft"}))

    assert verdict.skipped == (nft,)
    assert verdict.nowhere == (both,)


def test_the_excuse_needs_a_guest_that_was_asked() -> None:
    """Without any guest nothing is excused, although the same capability is missing."""
    here = native(Outcome("pure", PASSED), kernel("nft", SKIPPED, "nft"))

    assert not tiers.decide(here, None, lacks=frozenset({"nft"})).ok


def test_a_failure_in_either_tier_fails_the_run() -> None:
    """A guest test that passed here and failed there has failed, once."""
    bad = kernel("both", FAILED, guest=True)
    verdict = tiers.decide(native(kernel("both", PASSED, guest=True)), guest(bad))

    assert verdict == tiers.Verdict(0, (bad,), (), ())
    assert not verdict.ok


def test_tests_that_a_dead_guest_took_along_have_failed() -> None:
    """They are named with the reason, not forgotten."""
    done = kernel("a", PASSED)

    assert tiers.with_lost(["a", "b"], [done], "the guest died") == [
        done,
        Outcome("b", FAILED, "the guest died", kernel=True),
    ]


def test_no_test_at_all_is_no_success() -> None:
    """A selection that matches nothing must not look green."""
    assert not tiers.decide(native(), None).ok


def test_report_of_a_run_with_everything_in_it() -> None:
    """What ran where, what ran nowhere and why, and the count as the last line."""
    here = native(
        Outcome("pure", PASSED),
        Outcome("tool", SKIPPED, "no such tool"),
        kernel("vlan", SKIPPED, "vlan_devices"),
        kernel("nat", SKIPPED, "vlan_devices"),
        kernel("odd", SKIPPED, "vxlan"),
    )
    there = guest(
        kernel("vlan", PASSED), kernel("nat", SKIPPED, "nft"), kernel("odd", SKIPPED, "vxlan")
    )
    verdict = tiers.decide(here, there, frozenset({"nft"}))

    assert list(tiers.report(here, there, verdict, "")) == [
        "on the running kernel, 6.18: 1 test ran",
        "in the guest, 6.1.176 (Debian's): 1 test ran",
        "nowhere: 3 tests",
        "  ERROR odd: a kernel test must run somewhere: this kernel lacks vxlan",
        "  tool: no such tool",
        "  nat: this kernel lacks nft; to run it: make guest-kernel && make test",
        "2 passed, 1 failed, 2 skipped",
    ]


def test_report_says_why_there_was_no_guest() -> None:
    """And names failures with what failed where it was not the test itself."""
    here = native(kernel("a", PASSED), Outcome("b", FAILED, "cannot be collected"))
    verdict = tiers.decide(here, None)

    assert list(tiers.report(here, None, verdict, "the running kernel has everything")) == [
        "FAILED b: cannot be collected",
        "on the running kernel, 6.18: 2 tests ran, 1 of them failed",
        "in the guest: nothing, the running kernel has everything",
        "nowhere: none",
        "1 passed, 1 failed, 0 skipped",
    ]
