"""Makes tests/cases/broken: site files that are wrong in one way each, and what is said of them.

Run `python -m tests.broken_sites` from the repository after a change here or of a message, and
read the difference before it is committed: the texts are what people see.
"""

from __future__ import annotations

from pathlib import Path

from tests.broken_site_edits import CHANGED, SOUND
from tests.broken_site_files import WHOLE
from trunkline import manifest, problems
from trunkline.errors import SiteError

FOLDER = Path(__file__).parent / "cases" / "broken"


def sites() -> dict[str, bytes]:
    """Return every broken site by name."""
    found = dict(WHOLE)
    for name, (old, new) in CHANGED.items():
        assert SOUND.count(old) >= 1, f"{name}: {old!r} is not in the sound site"
        found[name] = SOUND.replace(old, new, 1).encode()
    return found


def said_of(data: bytes, file: str) -> str:
    """Return what people see when they use the site *data*."""
    try:
        manifest.parse(data, file)
    except SiteError as error:
        return problems.text(error)
    return ""


def main() -> None:
    manifest.parse(SOUND.encode(), "sound.yaml")
    for name, data in sites().items():
        path = FOLDER / f"{name}.yaml"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(said_of(data, path.name), encoding="utf-8")


if __name__ == "__main__":
    main()
