"""Runs in the guest: answers the requests that the host puts into the exchange directory.

Copied there and run by the guest's init, so it imports nothing of Trunkline. The directory is
shared with the host; each side writes a file whole under another name and then renames it.

    requests/NAME.json  {"argv": [...], "cwd": "...", "env": {...}, "timeout": 30, "merge": false}
                        or {"stop": true}; the guest removes it when it has read it
    replies/NAME.out    the command's standard output (and error, where merged)
    replies/NAME.err    its standard error
    replies/NAME.json   {"returncode": 0}, written last
    ready               the kernel's release, written when requests are served
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

POLL = 0.02
"""Seconds between two looks: hostfs tells nobody about a change made on the host."""

TIMED_OUT = 124
NOT_FOUND = 127


def place(path: Path, text: str) -> None:
    """Write *text* so that whoever sees *path* sees all of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.rename(path)


def serve(directory: Path) -> None:
    """Answer requests, each in a thread of its own, until one says stop.

    A guest whose `ready` was deleted is forgotten: nobody could ever stop it, so it stops.
    """
    ready = directory / "ready"
    place(ready, os.uname().release)
    running: list[threading.Thread] = []
    while ready.exists():
        for path in sorted((directory / "requests").glob("*.json")):
            request = json.loads(path.read_text())
            path.unlink()
            if request.get("stop"):
                for thread in running if request.get("finish") else []:
                    thread.join()
                return
            answer = (directory / "replies" / path.stem, request)
            running.append(threading.Thread(target=respond, args=answer, daemon=True))
            running[-1].start()
        time.sleep(POLL)


def respond(reply: Path, request: dict[str, Any]) -> None:
    """Run the command of *request*, its output and then its return code into *reply*'s files."""
    out, err = reply.with_suffix(".out"), reply.with_suffix(".err")
    with out.open("wb") as output, err.open("wb") as errors:
        try:
            process = subprocess.Popen(
                request["argv"],
                cwd=request["cwd"],
                env=request["env"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if request["merge"] else errors,
                start_new_session=True,
            )
        except OSError as error:
            (output if request["merge"] else errors).write(f"{error}\n".encode())
            returncode = NOT_FOUND
        else:
            returncode = wait(process, request["timeout"])
    place(reply.with_suffix(".json"), json.dumps({"returncode": returncode}))


def wait(process: subprocess.Popen[bytes], timeout: float | None) -> int:
    """Return the return code as a shell would; end the whole process group at the time limit."""
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        return TIMED_OUT
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
