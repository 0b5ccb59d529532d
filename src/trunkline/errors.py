"""Every exception that Trunkline raises on purpose, by who must act.

TrunklineError
├── UsageError          the command line makes no sense             exit 64
├── SiteError           the site file is wrong: the author          exit 65
├── ConflictError       someone else holds what the plan needs      exit 1
│   └── StaleError      the host changed since the plan was made    exit 1
├── LockedError         another run holds the lock: wait            exit 75
├── HostError           this machine lacks something: its admin     exit 1
│   └── DeniedError     no permission                               exit 77
├── KernelError         the kernel refused an operation             exit 1
├── VerificationError   the kernel holds something else than asked  exit 2
├── RolledBackError     a change of a lab failed and is undone      exit 3
├── PartlyAppliedError  it failed, and so did undoing it            exit 4
└── InternalError       a bug in Trunkline: us                      exit 1

Interrupted is none of them: whoever sends a signal wants an end, not an explanation. Exit 130.
A message is: object, what is wrong with the quoted value; `hint` says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TrunklineError(Exception):
    """The base; never raised itself."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TrunklineError):
    exit_code = 64


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a site file, at a place in it."""

    line: int
    """1-based; 0 when the problem is the file itself."""
    column: int
    """1-based; 0 when the problem is the file itself."""
    where: str
    """The object, as `vms.vm1.ports[0].mac`; empty for the file itself."""
    message: str
    """What is wrong, with the value quoted."""
    hint: str = ""


class SiteError(TrunklineError):
    """The site file is wrong; carries every problem found in one run."""

    exit_code = 65

    def __init__(self, file: str, problems: Sequence[Problem], source: str = "") -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{file}: {count}")
        self.file = file
        self.problems = tuple(sorted(problems))
        self.source = source


class ConflictError(TrunklineError):
    """A name or resource that the plan needs belongs to someone else."""


class StaleError(ConflictError):
    """The host is no longer as it was when the plan was made."""


class LockedError(TrunklineError):
    exit_code = 75


class HostError(TrunklineError):
    """This machine lacks a kernel feature, a program or a permission."""


class DeniedError(HostError):
    exit_code = 77


class KernelError(TrunklineError):
    """The kernel refused an operation.

    *subject* is what was asked for, as a command line; *errno* the kernel's number (0 if none).
    """

    def __init__(self, subject: str, errno: int, text: str, *, hint: str = "") -> None:
        super().__init__(f"{subject}: {text}", hint=hint)
        self.subject = subject
        self.errno = errno
        self.text = text


class VerificationError(TrunklineError):
    exit_code = 2


class RolledBackError(TrunklineError):
    exit_code = 3


class PartlyAppliedError(TrunklineError):
    exit_code = 4


class InternalError(TrunklineError):
    """A bug in Trunkline."""


class Interrupted(BaseException):
    """A signal asked this process to end; not an Exception, as KeyboardInterrupt is not."""
