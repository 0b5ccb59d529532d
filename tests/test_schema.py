"""The JSON schema says to editors what `manifest` says to people."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest

from tests import broken_sites
from tests.broken_site_edits import SOUND
from tests.test_manifest import EVERY_FIELD, EXAMPLES
from trunkline.sitefile import document, schema

SCHEMA = schema.json_schema()


def complaints(data: bytes) -> list[str]:
    read = document.load(data, "site.yaml").data
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(read)]


def test_schema_is_draft_07_and_only_that() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert not [word for word in ("$defs", "prefixItems", "null") if f'"{word}"' in text]


def test_every_field_is_explained() -> None:
    """A field's description is what an editor shows beside it."""
    silent = []
    for model in (SCHEMA, *SCHEMA["definitions"].values()):
        assert model["description"]
        assert model["additionalProperties"] is False
        silent += [name for name, field in model["properties"].items() if not described(field)]
    assert silent == []


def described(field: dict[str, Any]) -> bool:
    return bool(field.get("description"))


@pytest.mark.parametrize(
    "data",
    [EVERY_FIELD, SOUND.encode(), *(path.read_bytes() for path in EXAMPLES)],
    ids=["every-field", "sound", *(path.stem for path in EXAMPLES)],
)
def test_schema_accepts_sound_sites(data: bytes) -> None:
    assert complaints(data) == []


@pytest.mark.parametrize(
    "name",
    [
        "vlan-4095",
        "vlan-quoted",
        "vlan-null",
        "untagged-yes",
        "network-key-typo",
        "cidr-missing",
        "host-null",
        "uplinks-list",
        "uplink-device-long",
        "switching-unknown",
        "vm-host-missing",
        "vm-ports-empty",
        "port-mac-short",
        "port-tagged-text",
        "address-no-prefix",
        "router-networks-empty",
        "expect-unknown-word",
        "allow-no-to",
        "site-space",
        "network-name-space",
        "section-unknown",
        "no-hosts",
        "only-site",
    ],
)
def test_schema_refuses_what_has_the_wrong_shape(name: str) -> None:
    data = broken_sites.sites()[name].replace(b"vlan:,", b"vlan: ~,")
    assert len(complaints(data)) >= 1


def test_the_default_of_a_field_is_valid_for_it() -> None:
    for model in SCHEMA["definitions"].values():
        for field in model["properties"].values():
            if "default" in field:
                whole = {**field, "definitions": SCHEMA["definitions"]}
                jsonschema.validate(field["default"], whole)


def test_schema_is_not_shared_between_callers() -> None:
    schema.json_schema()["title"] = "mine"
    assert schema.json_schema()["title"] == "Trunkline site"
