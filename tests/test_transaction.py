"""Transactions: the kernel ends as desired, or exactly as it was."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests import planning_fixtures as make
from tests import real_host
from tests.faulty_kernel import FaultyKernel, die, interrupt, refuse
from trunkline import codec, journal, plan, transaction
from trunkline.errors import Interrupted, KernelError, StaleError, VerificationError
from trunkline.intent import HostPort, Site
from trunkline.kernel import Kernel
from trunkline.kernel.fake import FakeKernel
from trunkline.operation import Operation
from trunkline.realise import Seats
from trunkline.state import Bridge, HostState, Namespace, Route, host_state
from trunkline.transaction import Applied, PartlyApplied, RolledBack, SetAside
from trunkline.values import InterfaceAddress, VlanId


def changed(site: Site) -> Site:
    """Return *site* with something of everything other: made, changed, made anew, removed."""
    seat = HostPort("red", (InterfaceAddress("192.168.10.5/24"),))
    hosts = {"host1": replace(site.hosts["host1"], ports=(seat,))}
    networks = {**site.networks, "red": replace(site.networks["red"], vlan=VlanId(11))}
    machines = {name: each for name, each in site.machines.items() if name != "box"}
    machines["new"] = make.container("new", make.access("blue", "192.168.20.99/24"))
    return replace(site, hosts=hosts, networks=networks, machines=machines, routers={})


FIRST, SECOND = make.one_host(), changed(make.one_host())


class Host:
    """A host as the first site declares it, about to become what the second says."""

    def __init__(self, kernel: Kernel, directory: Path, seats: Seats) -> None:
        self.kernel, self.directory = kernel, directory
        able = kernel.capabilities()
        self.first = make.desired(FIRST, seats, able)
        self.second = make.desired(SECOND, seats, able)
        outcome = transaction.apply(self.first, kernel, directory, site="walk")
        assert isinstance(outcome, Applied), outcome
        self.before = self.dump()
        self.operations = plan.diff(kernel.read(self.second), self.second, "walk").operations

    def dump(self) -> str:
        return codec.dump(self.kernel.read({**self.second, **self.first}))

    def go(
        self,
        kernel: Kernel | None = None,
        *,
        agreed: plan.Plan | None = None,
        check: Callable[[], None] | None = None,
    ) -> transaction.Outcome:
        return transaction.apply(
            self.second,
            kernel or self.kernel,
            self.directory,
            site="walk",
            agreed=agreed,
            check=check,
        )

    @property
    def is_at_peace(self) -> bool:
        return journal.unfinished(self.directory) is None


def fake() -> FakeKernel:
    return FakeKernel(make.machine_nics("eno1", "eno2").values())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(fake(), tmp_path, Seats.NAMESPACE)


@pytest.fixture
def real(scratch_namespace: str, tmp_path: Path) -> Iterator[Host]:
    """The same on the real kernel, beside things that belong to somebody else."""
    with real_host.host(scratch_namespace) as kernel:
        real_host.add_foreign(scratch_namespace)
        foreign = real_host.foreign(scratch_namespace)
        yield Host(kernel, tmp_path, Seats.NAMESPACE)
        assert real_host.foreign(scratch_namespace) == foreign


def test_a_second_apply_writes_nothing(tmp_path: Path) -> None:
    """Neither to the kernel nor to the journal."""
    kernel, wanted = fake(), make.desired(FIRST)
    first = transaction.apply(wanted, kernel, tmp_path, site="walk")
    writes, files = kernel.writes, sorted(os.listdir(tmp_path))
    when = (tmp_path / journal.LAST).stat().st_mtime_ns

    second = transaction.apply(wanted, kernel, tmp_path, site="walk")

    assert isinstance(first, Applied)
    assert second == Applied(plan.Plan("walk"))
    assert kernel.writes == writes == len(first.plan.operations)
    assert sorted(os.listdir(tmp_path)) == files
    assert (tmp_path / journal.LAST).stat().st_mtime_ns == when


def test_a_failure_at_every_operation_is_undone(tmp_path: Path) -> None:
    """The whole state is as it was, to the last byte, wherever the plan stopped."""
    count = len(Host(fake(), tmp_path / "count", Seats.NAMESPACE).operations)
    assert count >= 40
    for good in range(count + 1):
        host = Host(fake(), tmp_path / str(good), Seats.NAMESPACE)

        outcome = host.go(FaultyKernel(host.kernel, good))

        assert isinstance(outcome, RolledBack), f"after {good}: {outcome}"
        assert isinstance(outcome.cause, KernelError)
        assert host.dump() == host.before, f"after {good} operations"
        assert host.is_at_peace


@pytest.mark.kernel
@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", [refuse, interrupt], ids=["refuse", "interrupt"])
def test_a_failure_at_every_operation_is_undone_on_a_real_kernel(
    real: Host, fault: Callable[[], None]
) -> None:
    """The same, and what belongs to others is as it was too."""
    for good in range(0, len(real.operations) + 1, 1 if fault is refuse else 9):
        outcome = real.go(FaultyKernel(real.kernel, good, fault))

        assert isinstance(outcome, RolledBack), f"after {good}: {outcome}"
        assert real.dump() == real.before, f"after {good} operations"
        assert real.is_at_peace


@pytest.mark.kernel
@pytest.mark.timeout(400)
def test_a_kill_at_every_operation_is_undone_by_the_next_run(real: Host) -> None:
    """SIGKILL while operations are being applied; the next command puts everything back."""
    for good in range(0, len(real.operations) + 1, 3):
        assert killed(functools.partial(real.go, FaultyKernel(real.kernel, good, die)))
        assert not real.is_at_peace

        outcome = transaction.recover(real.kernel, real.directory)

        assert isinstance(outcome, RolledBack), f"after {good}: {outcome}"
        assert real.dump() == real.before, f"after {good} operations"
        assert real.is_at_peace


@pytest.mark.kernel
def test_a_kill_after_every_record_is_undone_or_done(real: Host) -> None:
    """Before its end record a transaction never was; after it, it is."""
    records = 0
    while killed(functools.partial(dying_after, records, real)):
        transaction.recover(real.kernel, real.directory)

        assert real.dump() == real.before, f"after {records} records"
        assert real.is_at_peace
        records += 1

    assert records == 3  # begin, applied, end: killed before each of them
    assert plan.diff(real.kernel.read(real.second), real.second, "walk").empty


def dying_after(records: int, host: Host) -> None:
    """Apply, and die when as many records are on the disk and the next one is to be written."""
    left = [records]
    write = journal.Journal._write

    def count(self: journal.Journal, record: dict[str, object]) -> None:
        if left[0] == 0:
            die()
        left[0] -= 1
        write(self, record)

    journal.Journal._write = count  # type: ignore[method-assign,assignment]  # in a child process
    host.go()


def killed(work: Callable[[], object]) -> bool:
    """Do *work* in a child process; return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.kernel
def test_the_next_apply_undoes_what_a_dead_run_left_and_goes_on(real: Host) -> None:
    """Nobody has to know that there was a crash."""
    assert killed(lambda: real.go(FaultyKernel(real.kernel, 20, die)))

    assert isinstance(real.go(), Applied)
    assert plan.diff(real.kernel.read(real.second), real.second, "walk").empty


@pytest.mark.kernel
def test_the_end_of_a_site_leaves_nothing(real: Host) -> None:
    """Applied and destroyed: only what others have is still there."""
    outcome = transaction.apply({}, real.kernel, real.directory, site="walk")

    assert isinstance(outcome, Applied)
    rows = real.kernel.read().values()
    assert not [row for row in rows if isinstance(row, Namespace)]
    assert [row.name for row in rows if isinstance(row, Bridge)] == ["br-foreign"]


def test_the_next_run_undoes_after_a_crash_in_memory(host: Host) -> None:
    """A journal without an end, and a kernel that is somewhere in between."""
    lost = tuple(transaction.lost(host.operations, host.kernel))
    journal.begin(host.directory, journal.Transaction("walk", "apply", host.operations, lost))
    host.kernel.apply(host.operations[:30])

    outcome = transaction.recover(host.kernel, host.directory)

    assert isinstance(outcome, RolledBack)
    assert str(outcome.cause) == "'apply' was interrupted"
    assert host.dump() == host.before
    assert transaction.recover(host.kernel, host.directory) is None


def test_what_a_reboot_has_undone_is_not_undone_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A delete that was under way: to undo it would bring back what nobody has any more."""
    gone = Bridge("", "br-gone", "walk/network/gone")
    journal.begin(host.directory, journal.Transaction("walk", "apply", (Operation(gone, None),)))
    (tmp_path / "boot").write_text("another-boot\n")
    monkeypatch.setattr(journal, "BOOT_ID", tmp_path / "boot")

    outcome = transaction.recover(host.kernel, host.directory)

    assert outcome == SetAside(host.directory / journal.ASIDE)
    assert host.dump() == host.before
    assert gone.key not in host.kernel.read()
    assert transaction.recover(host.kernel, host.directory) is None


def test_nothing_to_recover_touches_nothing(tmp_path: Path) -> None:
    """Not even the journal's directory is made."""
    assert transaction.recover(fake(), tmp_path / "journal") is None
    assert not (tmp_path / "journal").exists()


def test_an_interrupt_is_undone(host: Host) -> None:
    """SIGTERM in the middle is a failure like another, and the handler is put back."""
    handler = signal.getsignal(signal.SIGTERM)

    outcome = host.go(FaultyKernel(host.kernel, 20, interrupt))

    assert isinstance(outcome, RolledBack)
    assert isinstance(outcome.cause, Interrupted)
    assert str(outcome.cause) == "interrupted by SIGTERM"
    assert host.dump() == host.before
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_bug_is_undone_and_still_seen(host: Host) -> None:
    """What is not ours to explain is raised, after the kernel is as it was."""

    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        host.go(FaultyKernel(host.kernel, 20, bug))

    assert host.dump() == host.before
    assert host.is_at_peace


def test_a_check_that_fails_undoes_the_change(host: Host) -> None:
    """The kernel may hold what it should and the network still not do what it must."""

    def check() -> None:
        raise VerificationError("vm1 does not reach vm4")

    outcome = host.go(check=check)

    assert isinstance(outcome, RolledBack)
    assert str(outcome.cause) == "vm1 does not reach vm4"
    assert host.dump() == host.before


class Forgetful(FaultyKernel):
    """Takes the change and, the first time, does not do its last operation."""

    def apply(self, operations: Sequence[Operation]) -> None:
        self.kernel.apply(operations if self.failed else operations[:-1])
        self.failed = True


def test_what_is_not_there_afterwards_was_not_done(host: Host) -> None:
    """A kernel that says yes is not believed."""
    outcome = host.go(Forgetful(host.kernel, 0))

    assert isinstance(outcome, RolledBack)
    assert isinstance(outcome.cause, VerificationError)
    assert "1 are still to do" in outcome.cause.message
    assert host.dump() == host.before


class Stubborn(FaultyKernel):
    """Fails, and then refuses to take one bridge away again."""

    def apply(self, operations: Sequence[Operation]) -> None:
        if self.failed and any(stubborn(each) for each in operations):
            raise KernelError("ip link del dev brvlan-11", 16, "Device or resource busy")
        super().apply(operations)


def stubborn(operation: Operation) -> bool:
    return operation.after is None and operation.key == ("link", "", "brvlan-11")


def test_what_cannot_be_undone_is_named(host: Host) -> None:
    """Everything else is as it was, and the next run is not blocked by it."""
    outcome = host.go(Stubborn(host.kernel, len(host.operations)))

    assert isinstance(outcome, PartlyApplied)
    assert [each.describe() for each in outcome.left] == ["ip link del dev brvlan-11"]
    assert host.is_at_peace
    assert isinstance(host.go(), Applied)


def test_a_plan_that_was_agreed_to_is_the_one_that_is_applied(host: Host) -> None:
    """A host that changed in between gets a new plan to look at, not another one applied."""
    agreed = plan.diff(host.kernel.read(host.second), host.second, "walk")
    extra = Bridge("", "surprise", "walk/network/gone")
    host.kernel.apply([Operation(None, extra)])

    with pytest.raises(StaleError):
        host.go(agreed=agreed)
    host.kernel.apply([Operation(extra, None)])
    assert isinstance(host.go(agreed=agreed), Applied)


def test_what_others_add_meanwhile_stays(host: Host) -> None:
    """An undo touches only what the plan touched."""

    def busy() -> None:
        route = Route("", "10.9.0.0/16", device="eno1", protocol=4)
        host.kernel.apply([Operation(None, route)])
        refuse()

    outcome = host.go(FaultyKernel(host.kernel, 20, busy))

    assert isinstance(outcome, RolledBack)
    route = Route("", "10.9.0.0/16", device="eno1", protocol=4)
    state: HostState = host.kernel.read({**host.second, **host.first})
    assert route in state.values()
    without = host_state(row for row in state.values() if row != route)
    assert codec.dump(without) == host.before
