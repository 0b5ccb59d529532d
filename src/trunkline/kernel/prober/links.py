"""Which of a seat's own addresses has another address on its link."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from trunkline.probe import Seat


class Links:
    """The seats' subnets, parsed once."""

    def __init__(self, seats: Iterable[Seat]) -> None:
        self._subnets = {
            seat.name: [(own.ip, own.parsed.network) for own in seat.addresses] for seat in seats
        }

    def own(self, seat: str, address: str) -> str | None:
        """Return the seat's address in the subnet of *address*; None where there is none."""
        parsed = ip_address(address)
        for own, subnet in self._subnets[seat]:
            if parsed.version == subnet.version and parsed in subnet:
                return own
        return None
