"""Send probes from many seats at once and say which arrived; one wait for all of them."""

from trunkline.kernel.prober.session import run

__all__ = ["run"]
