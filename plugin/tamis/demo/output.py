"""Where the demo writes: the file of its numbers, and the folder of its report with a run for each pipeline."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, get_args

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput
from tamis.eval.run.plan import Plan

from .result import Pipeline

SUITE = "demo"
"""The name that runs of the demo's own suite bear, by which they are known again."""


class Output(NamedTuple):
    """``numbers`` is the JSON file, ``folder`` that of ``report.html`` and of the runs, named after the pipelines."""

    numbers: Path
    folder: Path

    @classmethod
    def at(cls, path: Path) -> "Output":
        """Everything in the folder ``path``; where that names a .json file the numbers go there, the rest beside it.

        >>> Output.at(Path("demo")) == Output(Path("demo/demo.json"), Path("demo"))
        True
        >>> Output.at(Path("numbers.json")) == Output(Path("numbers.json"), Path("numbers"))
        True
        """
        return cls(path, path.with_suffix("")) if path.suffix == ".json" else cls(path / "demo.json", path)

    def check(self, *, attacks: bool) -> None:
        """Raises BadInput where it could not be written, or where a run of somebody else's stands in the way."""
        folders = {self.numbers.parent, *([self.folder] if attacks else [])}
        for folder in folders:
            place = folder if folder.exists() else folder.parent
            if not place.is_dir() or not os.access(place, os.W_OK):
                raise BadInput(f"{folder}: cannot be written; name a folder, or a file in one, with --output")
        if self.numbers.is_dir():
            raise BadInput(f"{self.numbers}: is a folder; name another place with --output")
        for run in self.runs.values() if attacks else ():
            if run.exists() and not _is_ours(run):
                raise BadInput(f"{run}: is in the way and no run of the demo; name another folder with --output")

    @property
    def report(self) -> Path:
        """The page that compares the pipelines."""
        return self.folder / "report.html"

    @property
    def runs(self) -> dict[Pipeline, Path]:
        """The folder of each pipeline's run."""
        return {pipeline: self.folder / pipeline for pipeline in get_args(Pipeline)}

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """A folder for the page and the runs; at its end they take the place of those before, after an error none."""
        self.folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".unfinished-") as unfinished:
            yield Path(unfinished)
            for place in (*self.runs.values(), self.report):
                if place.is_dir():
                    shutil.rmtree(place)
                (Path(unfinished) / place.name).replace(place)

    def write(self, document: Mapping[str, Any]) -> None:
        """The numbers' file, the whole document or none of it."""
        self.numbers.parent.mkdir(exist_ok=True)
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        write_bytes(self.numbers, f"{text}\n".encode())


def _is_ours(run: Path) -> bool:
    try:
        return bool(Plan.read(run).suite.get("name") == SUITE)
    except BadInput:
        return False
