"""Reading commands on a fake kernel: which host, answers, formats, broken files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli_machine import SITE, Machine, a_machine
from trunkline import local
from trunkline.state import Bridge

__all__ = ["a_machine"]


def test_a_machine_that_is_no_host_of_the_site(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "hostname", lambda: "laptop")
    done = machine("plan")
    assert done.exit_code == 64
    assert "this machine, 'laptop', is not among the hosts of site 'small': here" in done.stderr
    assert "--host NAME" in done.stderr


def test_no_site_file(machine: Machine) -> None:
    Path("site.yaml").unlink()
    for command in ("plan", "apply", "verify", "validate", "destroy"):
        done = machine(command)
        assert (done.exit_code, done.stdout) == (64, "")
        assert "no site.yaml in this directory" in done.stderr


def test_a_wrong_path_names_what_is_beside_it(machine: Machine) -> None:
    done = machine("plan", "stie.yaml")
    assert done.exit_code == 64
    assert "'stie.yaml' does not exist" in done.stderr
    assert "site.yaml" in done.stderr.split("hint:")[1]


def test_a_broken_site_prints_all_problems(machine: Machine) -> None:
    Path("site.yaml").write_text(SITE.replace("vlan: 10", "vlan: 5000").replace("vms", "vmx"))
    for command in ("plan", "apply", "verify", "validate", "destroy", "diagram"):
        done = machine(command)
        assert (done.exit_code, done.stdout) == (65, "")
        assert "site.yaml:4:15: networks.red.vlan: " in done.stderr
        assert "did you mean 'vms'?" in done.stderr
        assert "              ^\n" in done.stderr


def test_validate_json_has_all_problems(machine: Machine) -> None:
    assert machine.json("validate", "--json")["valid"] is True
    Path("site.yaml").write_text(SITE.replace("vlan: 10", "vlan: 5000"))
    done = machine("validate", "--json")
    assert done.exit_code == 65
    found = json.loads(done.stdout)
    assert (found["kind"], found["valid"]) == ("Validation", False)
    assert [(p["line"], p["where"]) for p in found["problems"]] == [(4, "networks.red.vlan")]


def test_validate_reads_a_pipe(machine: Machine) -> None:
    done = machine("validate", "-", stdin=SITE)
    assert done.exit_code == 0
    assert "site 'small' with 2 hosts, 1 network, 1 machine, 0 routers" in done.stdout


def test_diagram_draws_the_machine_without_any_site(machine: Machine) -> None:
    Path("site.yaml").unlink()
    done = machine("diagram", "--ascii")
    assert done.exit_code == 0
    assert "eth1" in done.stdout
    assert "here.example.org" in done.stdout
    assert done.stdout.isascii()


def test_ascii_may_stand_before_or_after_the_command(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    assert not machine("diagram").stdout.isascii()
    assert machine("--ascii", "diagram").stdout.isascii()
    assert machine("diagram", "--ascii").stdout.isascii()


def test_a_locale_without_utf8_gets_ascii(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert machine("diagram").stdout.isascii()


def test_diagram_as_svg(machine: Machine) -> None:
    assert machine("diagram", "--svg", "host.svg").exit_code == 0
    assert Path("host.svg").read_text().startswith("<svg ")
    assert machine("diagram", "--svg", "-").stdout == Path("host.svg").read_text()


def test_diagram_as_json(machine: Machine) -> None:
    """The scene before it is drawn: what a line joins is in the boxes or outside."""
    machine("apply", "--auto-approve")
    scene = machine.json("diagram", "--json")
    assert scene["kind"] == "Scene"
    bridge = next(box for box in scene["boxes"] if box["kind"] == "bridge")
    assert bridge["name"] == "brvlan-10"
    assert {line["kind"] for line in scene["lines"]} >= {"port", "parent", "wire"}
    joined = {line["ends"][0] for line in scene["lines"] if bridge["id"] in line["ends"]}
    assert joined | {bridge["id"]} <= {box["id"] for box in scene["boxes"]}
    assert all(box["x"] + box["width"] <= scene["width"] for box in scene["boxes"])
    assert machine("diagram", "--json", "--svg", "x").exit_code == 64


def test_a_picture_that_cannot_be_written(machine: Machine) -> None:
    done = machine("diagram", "--svg", "no/where.svg")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'no/where.svg' cannot be written: No such file or directory" in done.stderr


def test_colour_only_where_it_is_wanted(machine: Machine) -> None:
    assert "\x1b[" not in machine("plan").stdout
    assert "\x1b[32m+" in machine("plan", "--color", "always").stdout
    assert "\x1b[" not in machine("--color", "never", "plan").stdout


def test_schema_is_a_json_schema(machine: Machine) -> None:
    assert "draft-07" in machine.json("schema")["$schema"]
    assert machine.json("schema", "--json") == machine.json("schema")


def test_a_broken_record_is_no_traceback(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    Path("state/sites/small.json").write_text("{")
    done = machine("verify")
    assert done.exit_code == 1
    assert "small.json' is not readable" in done.stderr


def test_no_lab_is_up(machine: Machine) -> None:
    done = machine("lab", "verify")
    assert done.exit_code == 64
    assert "no lab is up" in done.stderr
    assert machine.json("lab", "list", "--json")["items"] == []


def test_show_in_every_format(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    table = machine("show", "ports").stdout.splitlines()
    assert [line.split()[1] for line in table] == ["PORT", "eth1", "eth1.10", "vm1-0"]
    assert machine("show", "ports", "-o", "name").stdout == "here/eth1\nhere/eth1.10\nhere/vm1-0\n"
    assert machine.json("show", "ports", "--json") == machine.json("show", "ports", "-o", "json")
    assert machine("show", "ports", "-o", "csv").stdout.startswith("host,ifname,master,")
    assert machine("show", "ports", "-o", "md").stdout.startswith("| host | port |")
    assert "kind: PortList\n" in machine("show", "ports", "-o", "yaml").stdout
    assert len(machine("show", "ports", "--no-header").stdout.splitlines()) == len(table) - 1


def test_show_one(machine: Machine) -> None:
    machine("apply", "--auto-approve")
    (item,) = machine.json("show", "vm", "vm1", "--json")["items"]
    assert (item["name"], item["ports"], item["state"]) == ("vm1", ["vm1-0"], "up")
    assert machine.json("show", "vms", "here/vm1", "--json")["items"] == [item]
    absent = machine("show", "vms", "vm2")
    assert absent.exit_code == 1
    assert "did you mean 'vm1'?" in absent.stderr


def test_show_of_a_machine_without_any_site(machine: Machine) -> None:
    Path("site.yaml").unlink()
    machine.kernel.rows["link", "", "br0"] = Bridge("", "br0")
    assert machine("show", "bridges", "-o", "name").stdout == "here.example.org/br0\n"
    nothing = machine("show", "vms")
    assert (nothing.exit_code, nothing.stderr) == (0, "There are no vms here.\n")


def test_a_mistyped_list(machine: Machine) -> None:
    done = machine("show", "prots")
    assert done.exit_code == 64
    assert "there is no list 'prots'; did you mean 'ports'?" in done.stderr


BROKEN = sorted((Path(__file__).parent / "cases" / "broken").glob("*.yaml"))


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.stem)
def test_a_broken_file_is_never_a_traceback(machine: Machine, case: Path) -> None:
    """Exit 65, every line about this file, and nothing on stdout."""
    done = machine("validate", str(case))
    assert (done.exit_code, done.stdout) == (65, "")
    assert str(case) in done.stderr
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr
