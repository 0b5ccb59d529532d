"""Any site after any other: the plan works, ends where it should, and can be taken back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import planning_fixtures as make
from tests.random_sites import sites
from trunkline import codec, plan, transaction
from trunkline.intent import Site
from trunkline.kernel.fake import FakeKernel
from trunkline.realise import Seats
from trunkline.state import HostState, host_state


def kernel_after(site: Site, seats: Seats) -> tuple[FakeKernel, HostState]:
    kernel = FakeKernel(make.machine_nics("eno1", "eno2").values())
    state = make.desired(site, seats)
    kernel.apply(plan.diff(kernel.read(state), state, "walk").operations)
    return kernel, state


@given(sites(), sites(), st.sampled_from(Seats))
@settings(deadline=None, max_examples=100)
def test_any_site_follows_any_other(first: Site, second: Site, seats: Seats) -> None:
    """After the second plan the second site is there, and a third plan is empty."""
    kernel, _ = kernel_after(first, seats)
    wanted = make.desired(second, seats)

    kernel.apply(plan.diff(kernel.read(wanted), wanted, "walk").operations)

    assert plan.diff(kernel.read(wanted), wanted, "walk").operations == ()
    assert kernel.missed == []
    fresh, _ = kernel_after(second, seats)
    assert links(kernel.read(wanted)) == links(fresh.read(wanted))


def links(state: HostState) -> set[object]:
    """Return the keys of *state*: what there is, whatever the MTU of a NIC was before."""
    return set(state)


@given(sites(), sites(), st.sampled_from(Seats), st.data())
@settings(deadline=None, max_examples=100)
def test_a_plan_that_stops_anywhere_is_taken_back(
    first: Site, second: Site, seats: Seats, data: st.DataObject
) -> None:
    """Whatever was done of a plan, its reversal gives the first state back, to the last byte."""
    kernel, old = kernel_after(first, seats)
    wanted = make.desired(second, seats)
    operations = plan.diff(kernel.read(wanted), wanted, "walk").operations
    lost = host_state(transaction.lost(operations, kernel))
    everything = {**wanted, **old, **lost}
    before = codec.dump(kernel.read(everything))
    done = data.draw(st.integers(0, len(operations)))

    kernel.apply(operations[:done])
    undo = plan.reversal({**lost, **plan.before(operations)}, kernel.read(everything))
    kernel.apply(undo)

    assert codec.dump(kernel.read(everything)) == before
