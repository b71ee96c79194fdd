"""What an installed Tamis must do with its base dependencies alone, far from its checkout."""

import sys
from importlib import import_module
from pathlib import Path

from tamis.core.errors import MissingExtra

ROOMS = ("core", "models", "nodes", "retrievers", "rerankers", "pipeline", "testing", "indexing", "eval")


def main() -> None:
    """Imports every public name, then holds one component to its contract. Raises at the first thing that fails."""
    for room in ROOMS:
        module = import_module(f"tamis.{room}")
        if not Path(str(module.__file__)).is_relative_to(sys.prefix):
            raise SystemExit(f"tamis.{room} comes from {module.__file__}, not from the installed wheel")
        for name in getattr(module, "__all__", ()):
            try:
                getattr(module, name)
            except MissingExtra as error:
                # A base installation may lack what an extra brings, if it says which.
                sys.stdout.write(f"{room}.{name}: {error}\n")

    from tamis.rerankers import EdgesOrder
    from tamis.testing import check_postprocessor

    report = check_postprocessor(EdgesOrder(), "orderer")
    report.raise_if_failed()
    sys.stdout.write(f"{len(ROOMS)} rooms import; EdgesOrder keeps {len(report.findings)} assertions of its contract\n")


if __name__ == "__main__":
    main()
