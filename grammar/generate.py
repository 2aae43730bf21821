"""Write every generated file anew, or with ``--check`` say which ones are stale.

python grammar/generate.py            # write
python grammar/generate.py --check    # exit 1 when something would change
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from grammar import (  # noqa: E402 - the script runs from anywhere
    generate_detectors,
    generate_diagnostics,
    generate_http2,
    generate_parser,
    generate_tables,
    generate_typescript,
    generate_wire,
)


def outputs() -> dict[str, bytes]:
    """Return every generated file: its path from the top of the project, and its bytes."""
    parts = (
        generate_parser,
        generate_wire,
        generate_http2,
        generate_typescript,
        generate_diagnostics,
        generate_detectors,
        generate_tables,
    )
    return {path: text for part in parts for path, text in part.outputs().items()}


def stale(root: Path) -> dict[str, bytes]:
    """Return the generated files that are missing under *root* or differ from their source."""
    return {
        path: text
        for path, text in outputs().items()
        if not (root / path).is_file() or (root / path).read_bytes() != text
    }


def main(arguments: list[str]) -> int:
    """Write what changed, or only name it; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    changed = stale(ROOT)
    for path, text in changed.items():
        if arguments:
            print(f"{path} is not what its source gives: run python grammar/generate.py")
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_bytes(text)
            print(f"wrote {path}")
    return 1 if changed and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
