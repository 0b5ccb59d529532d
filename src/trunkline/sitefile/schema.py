"""The site file's shape: models of every object in it, and the JSON schema that editors read.

Rules of this module:
- One field is wrong in one way: every scalar has one check of ours, which sees the value as the
  file has it, and says what is wrong with it; there are no unions to choose from.
- Nothing here looks at a second object; that is what `rules` is for.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trunkline.intent import Switching, VlanDevices
from trunkline.sitefile.field import (
    Address,
    Bool,
    Cidr,
    Device,
    ExpectChoice,
    Gateway,
    Mac,
    Mtu,
    Name,
    OptionalDevice,
    OptionalReference,
    Pool,
    Reference,
    SwitchingChoice,
    Vlan,
    VlanDevicesChoice,
    complaint,
)

DRAFT_07 = "http://json-schema.org/draft-07/schema#"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Dhcp(_Model):
    """DHCP service for a subnet."""

    pool: Pool = Field(
        description="First and last address to lease.",
        examples=["192.168.10.100-192.168.10.199"],
    )


class Subnet(_Model):
    """An IP subnet on a network."""

    cidr: Cidr = Field(description="The subnet.", examples=["192.168.10.0/24"])
    gateway: Gateway = Field(
        None,
        description="The router's address; on an external network it is someone else's.",
        examples=["192.168.10.1"],
    )
    dhcp: Dhcp | None = Field(None, description="Lease addresses from a pool.")


class Network(_Model):
    """One layer-2 network: who is on it hears each other, nobody else does."""

    vlan: Vlan = Field(
        None, description="Its 802.1Q number on every trunk, 1 to 4094.", examples=[10]
    )
    untagged: Bool = Field(
        False, description="Frames carry no tag: the network of a wire as it is.", examples=[True]
    )
    external: Bool = Field(
        False, description="The site does not own it: its gateway is someone else's."
    )
    subnets: list[Subnet] = Field([], description="The IP subnets on it, none for layer 2 only.")
    mtu: Mtu = Field(1500, description="Bytes of a frame's payload.", examples=[9000])
    bridge: OptionalDevice = Field(
        None, description="The bridge's name instead of the derived one.", examples=["br0"]
    )

    @model_validator(mode="after")
    def _one_way_on_the_wire(self) -> Network:
        if self.vlan is not None and self.untagged:
            raise complaint(
                f"a network with VLAN {self.vlan} is tagged, it cannot be untagged too",
                "keep either 'vlan' or 'untagged'",
                at="untagged",
            )
        if self.vlan is None and not self.untagged:
            raise complaint("'vlan' is missing", "write 'vlan: 10', or 'untagged: true'")
        return self


class Uplink(_Model):
    """A trunk NIC of a host."""

    device: Device = Field(description="The NIC's name on the host.", examples=["eth0"])
    networks: list[Reference] = Field([], description="The networks that the NIC carries.")
    mac: Mac = Field(None, description="The NIC's MAC address.", examples=["00:0c:29:27:d5:3b"])
    addresses: list[Address] = Field(
        [],
        description="What the host itself has on the bare NIC. Never changed.",
        examples=[["192.168.3.21/24"]],
    )


class HostPort(_Model):
    """The host's own seat on a network."""

    network: Reference = Field(description="A network that the host carries.", examples=["red"])
    addresses: list[Address] = Field(
        min_length=1, description="The host's addresses there.", examples=[["192.168.10.5/24"]]
    )
    default_route: Bool = Field(
        False, description="The host's default route goes through this network's gateway."
    )


class Host(_Model):
    """A Linux machine that is a part of the switch."""

    uplinks: dict[Name, Uplink] = Field({}, description="The trunk NICs, by names of yours.")
    local: list[Reference] = Field(
        [], description="Networks that stay on this host, without any uplink."
    )
    ports: list[HostPort] = Field([], description="The host's own seats on networks.")
    switching: SwitchingChoice = Field(
        Switching.BRIDGE_PER_NETWORK,
        description="One bridge for every network, or one VLAN-aware bridge for all.",
    )
    vlan_devices: VlanDevicesChoice = Field(
        VlanDevices.AUTO,
        description="The kernel's 802.1Q devices or eBPF ones; auto takes what there is.",
    )


def _spelled_out(value: object) -> object:
    """Return `red` as `{network: red}`."""
    return {"network": value} if isinstance(value, str) else value


class Tagged(_Model):
    """A network that a trunk port carries with its tag."""

    network: Reference = Field(description="A network with a VLAN number.", examples=["blue"])
    addresses: list[Address] = Field([], description="The machine's addresses there.")


TaggedItem = Annotated[Tagged, BeforeValidator(_spelled_out, json_schema_input_type=str | Tagged)]


class Port(_Model):
    """A machine's NIC: an access port (`network`) or a trunk port (`tagged`, `native`)."""

    network: OptionalReference = Field(
        None, description="The one network of an access port.", examples=["red"]
    )
    native: OptionalReference = Field(
        None, description="The untagged network of a trunk port.", examples=["red"]
    )
    tagged: list[TaggedItem] = Field(
        [], description="The tagged networks of a trunk port.", examples=[["blue", "green"]]
    )
    addresses: list[Address] = Field(
        [],
        description="The machine's addresses on the untagged network.",
        examples=[["192.168.10.10/24"]],
    )
    mac: Mac = Field(None, description="The NIC's MAC address.", examples=["52:54:00:d2:52:b3"])
    device: OptionalDevice = Field(
        None, description="The host's end instead of the derived name.", examples=["vnet0"]
    )

    @model_validator(mode="after")
    def _access_or_trunk(self) -> Port:
        if self.network is None:
            return self._trunk()
        for key in ("native", "tagged"):
            if getattr(self, key):
                raise complaint(
                    f"'network' makes an access port, '{key}' a trunk port",
                    "a trunk port names its untagged network with 'native'",
                    at=key,
                )
        return self

    def _trunk(self) -> Port:
        if not self.tagged:
            if self.native is None:
                hint = "write 'network: NAME', or 'tagged: [NAME]' for a trunk port"
                raise complaint("'network' is missing", hint)
            hint = f"an access port says 'network: {self.native}'"
            raise complaint("a trunk port has no 'tagged' networks", hint, at="native")
        if self.addresses and self.native is None:
            hint = (
                "give them to one of 'tagged' as {network, addresses}, or name a 'native' network"
            )
            raise complaint("these addresses have no untagged network", hint, at="addresses")
        return self


class Machine(_Model):
    """A virtual machine or a container."""

    host: Reference = Field(description="The host that it runs on.", examples=["host1"])
    ports: list[Port] = Field(
        min_length=1, description="Its NICs, in their order.", examples=[[{"network": "red"}]]
    )


class External(_Model):
    """A router's way out."""

    network: Reference = Field(description="The network with the way out.", examples=["wan"])
    address: Address = Field(description="Its address there.", examples=["192.168.1.109/24"])
    snat: Bool = Field(False, description="Hide what leaves behind that address.")


class Allow(_Model):
    """A pair of networks between which new connections are forwarded."""

    source: Reference = Field(alias="from", description="Who may begin.", examples=["red"])
    target: Reference = Field(alias="to", description="Who may be reached.", examples=["blue"])


class Router(_Model):
    """Forwards between its networks where `allow` says so, and to the outside."""

    host: Reference = Field(description="The host that it runs on.", examples=["host3"])
    networks: list[Reference] = Field(
        min_length=1,
        description="The networks whose gateway it is.",
        examples=[["red", "blue"]],
    )
    external: External | None = Field(None, description="Its way out.")
    allow: list[Allow] = Field([], description="What it forwards between its networks.")


class Expectation(_Model):
    """Who must reach whom, or must not."""

    source: Reference = Field(
        alias="from", description="A machine, host, network or outside.", examples=["vm1"]
    )
    target: Reference = Field(
        alias="to", description="The same, or an address.", examples=["vm4", "8.8.8.8"]
    )
    expect: ExpectChoice = Field(description="The verdict.", examples=["reachable"])


class SiteFile(_Model):
    """One virtual switch out of ordinary Linux hosts."""

    site: Name = Field(description="The site's name.", examples=["walkthrough"])
    networks: dict[Name, Network] = Field({}, description="The layer-2 networks.")
    hosts: dict[Name, Host] = Field(
        description="The Linux machines that the switch is made of.",
        json_schema_extra={"minProperties": 1},
        examples=[{"host1": {"uplinks": {"lan": {"device": "eth0"}}}}],
    )
    vms: dict[Name, Machine] = Field({}, description="The virtual machines.")
    containers: dict[Name, Machine] = Field({}, description="The containers.")
    routers: dict[Name, Router] = Field({}, description="What joins networks.")
    expectations: list[Expectation] = Field([], description="Who must reach whom.")


def json_schema() -> dict[str, Any]:
    """Return the site file's schema in draft 07, the newest that YAML editors read."""
    found = SiteFile.model_json_schema(mode="validation")
    definitions = found.pop("$defs")
    schema = {"$schema": DRAFT_07, **found, "title": "Trunkline site", "definitions": definitions}
    described = _draft_07(schema)
    assert isinstance(described, dict)
    return described


def _draft_07(part: Any) -> Any:
    """Return *part* without what draft 07 has not, and without the models' class names."""
    if isinstance(part, list):
        return [_draft_07(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _draft_07(value) for key, value in part.items()}
    if isinstance(found.get("title"), str) and "$schema" not in found:
        del found["title"]
    if found.get("default", ...) is None:
        del found["default"]
    if "patternProperties" in found:
        # Every key is a name; pydantic leaves the others unsaid.
        found["additionalProperties"] = False
    if "$ref" in found:
        # Draft 07 ignores everything beside a $ref, descriptions too.
        reference = {"$ref": found.pop("$ref").replace("#/$defs/", "#/definitions/")}
        return {"allOf": [reference], **found} if found else reference
    return _without_null(found)


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """Return *part* without the null of an optional object: an empty value is refused."""
    choices = [item for item in part.get("anyOf", ()) if item != {"type": "null"}]
    if len(choices) == 1:
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        return {"allOf": choices, **rest}
    return part
