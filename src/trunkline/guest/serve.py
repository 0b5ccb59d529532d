"""Runs in the guest: answers the requests that the host puts into the exchange directory.

Copied there and run by the guest's init, so it imports nothing of Trunkline. The directory is
shared with the host; each side writes a file whole under another name and then renames it.

    requests/NAME.json  {"argv": [...], "cwd": "...", "env": {...}, "timeout": 30, "merge": false}
                        or {"stop": true}; the guest removes it when it has read it.
                        "stream": true: what the command prints is in its file at once;
                        "files": {PATH: TEXT}: put there first, for what the guest does not see;
                        "fetch": [PATH, ...]: given back afterwards, as replies/NAME.0.file, ...;
                        "stdin": true: the command's standard input is in requests/NAME.0.in,
                        NAME.1.in, ..., of which an empty one is the end;
                        {"signal": 2, "to": NAME}: a signal for the command of request NAME
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

Commands = dict[str, "subprocess.Popen[bytes]"]
"""What runs, by the name of its request."""

TIMED_OUT = 124
NOT_FOUND = 127


def place(path: Path, content: str | bytes) -> None:
    """Write *content* so that whoever sees *path* sees all of it."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.rename(path)


def serve(directory: Path) -> None:
    """Answer requests, each in a thread of its own, until one says stop.

    A guest whose `ready` was deleted is forgotten: nobody could ever stop it, so it stops.
    """
    ready = directory / "ready"
    place(ready, os.uname().release)
    running: list[threading.Thread] = []
    commands: Commands = {}
    while ready.exists():
        for path in sorted((directory / "requests").glob("*.json")):
            request = json.loads(path.read_text())
            if "signal" in request and request["to"] not in commands:
                continue  # it is not quite there yet, or gone, and then the host removes this
            path.unlink()
            if request.get("stop"):
                for thread in running if request.get("finish") else []:
                    thread.join()
                return
            if "signal" in request:
                end(commands[request["to"]], request["signal"])
                continue
            answer = (directory / "replies" / path.stem, request, path.with_suffix(""), commands)
            running.append(threading.Thread(target=respond, args=answer, daemon=True))
            running[-1].start()
        time.sleep(POLL)


def respond(reply: Path, request: dict[str, Any], given: Path, commands: Commands) -> None:
    """Run the command of *request*, its output and then its return code into *reply*'s files.

    Its standard input is in the files whose names begin with *given*.
    """
    out, err = reply.with_suffix(".out"), reply.with_suffix(".err")
    # hostfs keeps what is written for seconds unless it is told to write it through.
    flags = os.O_WRONLY | os.O_CREAT | (os.O_SYNC if request.get("stream") else 0)
    with open(os.open(out, flags), "wb") as output, open(os.open(err, flags), "wb") as errors:
        try:
            furnish(request)
            process = subprocess.Popen(
                request["argv"],
                cwd=request["cwd"],
                env=request["env"],
                stdin=subprocess.PIPE if request.get("stdin") else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if request["merge"] else errors,
                start_new_session=True,
            )
        except OSError as error:
            (output if request["merge"] else errors).write(f"{error}\n".encode())
            returncode = NOT_FOUND
        else:
            commands[reply.name] = process
            if process.stdin is not None:
                feeder = threading.Thread(target=feed, args=(process, given), daemon=True)
                feeder.start()
            returncode = wait(process, request["timeout"])
            del commands[reply.name]
    give_back(reply, request)
    place(reply.with_suffix(".json"), json.dumps({"returncode": returncode}))


def furnish(request: dict[str, Any]) -> None:
    """Make what the command expects to find: its files, and directories that are hidden here."""
    for path, text in request.get("files", {}).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
    for path in request.get("fetch", ()):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    if request.get("stream"):
        Path(request["cwd"]).mkdir(parents=True, exist_ok=True)


def give_back(reply: Path, request: dict[str, Any]) -> None:
    """Copy the files that the command has written to where the host finds them."""
    for number, path in enumerate(request.get("fetch", ())):
        with contextlib.suppress(OSError):  # the command failed, and has said so
            reply.with_suffix(f".{number}.file").write_bytes(Path(path).read_bytes())


def feed(process: subprocess.Popen[bytes], given: Path) -> None:
    """Write the files of *given* to the standard input of *process*, in order, as they come."""
    number = 0
    with contextlib.suppress(BrokenPipeError), process.stdin or contextlib.nullcontext() as pipe:
        while pipe is not None and process.poll() is None:
            path = given.with_suffix(f".{number}.in")
            if not path.exists():
                time.sleep(POLL)
                continue
            data = path.read_bytes()
            path.unlink()
            if not data:
                return
            pipe.write(data)
            pipe.flush()
            number += 1


def end(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a command and everything in its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def wait(process: subprocess.Popen[bytes], timeout: float | None) -> int:
    """Return the return code as a shell would; end the whole process group at the time limit."""
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        for number in (signal.SIGTERM, signal.SIGKILL):
            end(process, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        return TIMED_OUT
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
