"""The command line: options as getopt_long has them, the list of commands, and the usage text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

VERSION = "bridge-utils, 1.7\n"
"""What we are a stand-in for; scripts look at it."""

_OPTIONS = ("help", "version")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run prints, and its exit code."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    name: str
    least: int
    """How many arguments it must have; more are not looked at."""
    text: str

    @property
    def incomplete(self) -> Outcome:
        said = "Incorrect number of arguments for command\n"
        return Outcome(f"{said}Usage: brctl {self.name} {self.text}\n", code=1)


USAGES = (
    Usage("addbr", 1, "<bridge>\t\tadd bridge"),
    Usage("delbr", 1, "<bridge>\t\tdelete bridge"),
    Usage("addif", 2, "<bridge> <device>\tadd interface to bridge"),
    Usage("delif", 2, "<bridge> <device>\tdelete interface from bridge"),
    Usage("hairpin", 3, "<bridge> <port> {on|off}\tturn hairpin on/off"),
    Usage("setageing", 2, "<bridge> <time>\t\tset ageing time"),
    Usage("setbridgeprio", 2, "<bridge> <prio>\t\tset bridge priority"),
    Usage("setfd", 2, "<bridge> <time>\t\tset bridge forward delay"),
    Usage("sethello", 2, "<bridge> <time>\t\tset hello time"),
    Usage("setmaxage", 2, "<bridge> <time>\t\tset max message age"),
    Usage("setpathcost", 3, "<bridge> <port> <cost>\tset path cost"),
    Usage("setportprio", 3, "<bridge> <port> <prio>\tset port priority"),
    Usage("show", 0, "[ <bridge> ]\t\tshow a list of bridges"),
    Usage("showmacs", 1, "<bridge>\t\tshow a list of mac addrs"),
    Usage("showstp", 1, "<bridge>\t\tshow bridge stp info"),
    Usage("stp", 2, "<bridge> {on|off}\tturn stp on/off"),
)

HELP = "Usage: brctl [commands]\ncommands:\n" + "".join(
    f"\t{usage.name:<10}\t{usage.text}\n" for usage in USAGES
)


def parse(words: Sequence[str]) -> Outcome | tuple[Usage, tuple[str, ...]]:
    """Return the command and its arguments, or what to say without running one."""
    arguments = _arguments(words)
    if isinstance(arguments, Outcome):
        return arguments
    if not arguments:
        return Outcome(HELP, code=1)
    name, *rest = arguments
    usage = next((each for each in USAGES if each.name == name), None)
    if usage is None:
        return Outcome(HELP, f"never heard of command [{name}]\n", 1)
    return usage.incomplete if len(rest) < usage.least else (usage, tuple(rest))


def _arguments(words: Sequence[str]) -> Outcome | list[str]:
    """Take the options out; each of them, wherever it stands, ends the run."""
    arguments: list[str] = []
    for at, word in enumerate(words):
        if word == "--":
            return [*arguments, *words[at + 1 :]]
        if word.startswith("--"):
            return _long(word)
        if word.startswith("-") and word != "-":
            return _short(word)
        arguments.append(word)
    return arguments


def _long(word: str) -> Outcome:
    """Return what a long option says; it may be shortened as long as it is clear."""
    name, equals, _ = word[2:].partition("=")
    meant = [option for option in _OPTIONS if option.startswith(name)]
    if not meant:
        return _wrong(f"unrecognized option '{word}'")
    if len(meant) > 1:
        both = " ".join(f"'--{option}'" for option in meant)
        return _wrong(f"option '{word}' is ambiguous; possibilities: {both}")
    if equals:
        return _wrong(f"option '--{meant[0]}' doesn't allow an argument")
    return Outcome(HELP if meant[0] == "help" else VERSION)


def _short(word: str) -> Outcome:
    known = {"h": HELP, "V": VERSION}
    if word[1] in known:
        return Outcome(known[word[1]])
    first = word.encode("utf-8", "surrogateescape")[1:2]  # getopt knows bytes, not characters
    return _wrong(f"invalid option -- '{first.decode('utf-8', 'surrogateescape')}'")


def _wrong(text: str) -> Outcome:
    return Outcome(HELP, f"brctl: {text}\nUnknown option '?'\n", 1)
