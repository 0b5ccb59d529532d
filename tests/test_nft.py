"""nftables tables: replaced as a whole, read back as what was wanted or as what is there."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Iterator

import pytest

from trunkline.errors import HostError, InternalError, KernelError
from trunkline.kernel import namespaces, nft
from trunkline.state import NftTable

CANONICAL = """\
set forwarded {
    type ifname . ifname
    elements = { "red" . "blue" }
}

chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname . oifname @forwarded accept
}
"""
OTHER_WORDS = (
    "chain forward { type filter hook forward priority 0; policy drop; "
    "ct state { related, established } counter accept; }\n"
    'set forwarded { type ifname . ifname; elements = { "red" . "blue" }; }'
)


def table(rules: str, name: str = "trunkline", namespace: str = "edge") -> NftTable:
    return NftTable(namespace, "inet", name, rules)


@pytest.mark.parametrize("name", ["filter", "trunkline x", "trunkline;flush ruleset", "Trunkline"])
def test_only_our_tables_are_touched(name: str) -> None:
    with pytest.raises(InternalError, match="is not one of ours"):
        nft.replace(table("", name=name))
    with pytest.raises(InternalError, match="is not one of ours"):
        nft.delete("inet", name)


@pytest.mark.parametrize(
    "rules", ["}\ntable inet filter {", "chain a {", 'chain a { "\n" } } table x { "\n"']
)
def test_rules_cannot_leave_their_table(rules: str) -> None:
    with pytest.raises(InternalError, match="unbalanced braces"):
        nft.replace(table(rules))


@pytest.fixture
def _scratch() -> Iterator[None]:
    with namespaces.scratch():
        yield


@pytest.mark.kernel
@pytest.mark.needs("nft")
@pytest.mark.usefixtures("_scratch")
class TestTables:
    def test_what_is_wanted_comes_back_as_that_very_row(self) -> None:
        wanted = table(CANONICAL)
        nft.replace(wanted)
        (row,) = nft.read([wanted])
        assert row is wanted

    def test_the_docstring_s_example_is_canonical(self) -> None:
        """Its text needs no second look: it is what nft lists."""
        assert nft.__doc__ is not None
        example = nft.__doc__.split("`inet trunkline`:\n")[1].split("\nOther spellings")[0]
        wanted = table(textwrap.dedent(example))
        nft.replace(wanted)
        assert nft.read([])[0].rules.split() == wanted.rules.split()

    def test_other_words_for_the_same_rules_are_the_wanted_row(self) -> None:
        wanted = table(OTHER_WORDS)
        nft.replace(wanted)
        assert nft.read([])[0].rules.split() != wanted.rules.split()
        (row,) = nft.read([wanted])
        assert row is wanted

    def test_other_rules_come_back_as_they_are(self) -> None:
        nft.replace(table(CANONICAL))
        changed = CANONICAL.replace("policy drop", "policy accept")
        (row,) = nft.read([table(changed)], "edge")
        assert row.namespace == "edge"
        assert row.rules.split() == CANONICAL.split()

    def test_a_wanted_table_that_cannot_be_loaded_is_not_there(self) -> None:
        nft.replace(table(CANONICAL))
        (row,) = nft.read([table("chain x { nonsense; }")], "edge")
        assert row.rules.split() == CANONICAL.split()

    def test_a_change_by_hand_is_seen(self) -> None:
        wanted = table(CANONICAL)
        nft.replace(wanted)
        subprocess.run(
            ["nft", "add", "rule", "inet", "trunkline", "forward", "accept"], check=True
        )
        assert nft.read([wanted]) != [wanted]

    def test_counters_do_not_count(self) -> None:
        """Packets that were counted are no drift: the listing is stateless."""
        wanted = table(
            "chain output {\n type filter hook output priority filter; policy drop;\n counter\n}"
        )
        nft.replace(wanted)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["ping", "-c1", "-W0.1", "127.0.0.1"], capture_output=True)
        counted = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True)
        assert "counter packets 0" not in counted.stdout
        assert nft.read([wanted])[0] is wanted

    def test_replacing_is_all_or_nothing(self) -> None:
        wanted = table(CANONICAL)
        nft.replace(wanted)
        with pytest.raises(KernelError, match=r"nft -f -: .*syntax error"):
            nft.replace(table(CANONICAL + "chain broken { nonsense; }"))
        assert nft.read([wanted])[0] is wanted

    def test_replacing_takes_away_what_was_there(self) -> None:
        nft.replace(table(CANONICAL))
        nft.replace(table("chain other {\n}\n"))
        assert nft.read([])[0].rules.split() == ["chain", "other", "{", "}"]

    def test_foreign_tables_are_neither_shown_nor_touched(self) -> None:
        subprocess.run(["nft", "add", "table", "inet", "filter"], check=True)
        nft.replace(table(""))
        nft.delete("inet", "trunkline")
        nft.delete("inet", "trunkline")
        assert nft.read([]) == []
        left = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True)
        assert left.stdout == "table inet filter\n"

    def test_every_family_has_its_own_table(self) -> None:
        rows = [NftTable("", family, "trunkline-x", "chain c {\n}\n") for family in ("ip", "ip6")]
        for row in rows:
            nft.replace(row)
        assert nft.read(rows) == rows


@pytest.mark.kernel
def test_without_nft_the_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(HostError, match="program 'nft' is not installed") as caught:
        nft.replace(table(CANONICAL))
    assert caught.value.hint == "apt-get install nftables"
    assert nft.read([]) == []
