"""The laboratory in one call: a pipeline, data and a suite in; a folder with the run and its report out."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.core.errors import BadInput, BadSetting
from tamis.core.media import MediaPolicy

from .case import Case
from .run.closing import close
from .run.data import Cases, Data, identity
from .run.errors import ReportNotWritten
from .run.loop import run_to_its_end
from .run.plan import Plan
from .run.runner import Progress
from .run.session import Executor, How, Wanted, run
from .suite import Suite, is_seed
from .target import Target

if TYPE_CHECKING:
    from .report import Report


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, its report, and apart from that what clocks and meters gave."""

    folder: Path
    report: "Report"
    timings: "Report"

    @property
    def passed(self) -> bool:
        """Whether every gate of the suite passed; too little data is not a pass."""
        return self.report.passed and self.timings.passed


def evaluate(
    target: Any,
    data: str | Path | Data | list[Case] | tuple[Case, ...],
    suite: str | Path | Suite,
    *,
    out: str | Path | None = None,
    workers: int = 8,
    seed: int | None = None,
    resume: bool = False,
    executor: Executor = "local",
    address: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    factory: bool = False,
    format: str | None = None,
    limit: int | None = None,
    own_documents: int | None = None,
    deadline_s: float | None = None,
    media: MediaPolicy | None = None,
    show_content: bool = False,
    command: str = "",
) -> Run:
    """Runs every case of the data on the target, clean and under each attack of the suite, and writes the report.

    ``target`` is "module:attribute", a URL, a function, a LlamaIndex engine or retriever, or a Target; with ``factory``
    it is (or names) a function that makes one of given documents. ``data`` is a file or folder (``format`` where it
    cannot be told), a data set, or cases; ``limit`` takes the first ones. ``suite`` is a name, a TOML file or a Suite;
    ``seed`` and ``deadline_s`` stand in place of the suite's. ``out`` is a folder for this run alone, by default a new
    temporary one; with ``resume`` it may hold an unfinished run of the same plan, and nothing that is finished there is
    run again. At most ``workers`` cases are at the target at once; their number decides nothing else. ``media`` says
    which images may be opened to be shown. Of data whose cases share a corpus, ``own_documents`` gives each case what
    answers it and so many documents near to it as its own, so that attacks may change them. Texts of cases that may be
    harmful are cut in the report unless ``show_content``.

    Raises BadInput for what cannot be run, RunLocked where another process runs into that folder, RunStopped where it
    cannot be written, ReportNotWritten where only its report cannot. A case that fails is a row of the report. However
    it ends, ``resume=True`` goes on.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise BadSetting("evaluate() blocks, and an event loop is running here: write `await aevaluate(...)`")
    return run_to_its_end(
        aevaluate(
            target,
            data,
            suite,
            out=out,
            workers=workers,
            seed=seed,
            resume=resume,
            executor=executor,
            address=address,
            progress=progress,
            factory=factory,
            format=format,
            limit=limit,
            own_documents=own_documents,
            deadline_s=deadline_s,
            media=media,
            show_content=show_content,
            command=command,
        )
    )


async def aevaluate(
    target: Any,
    data: str | Path | Data | list[Case] | tuple[Case, ...],
    suite: str | Path | Suite,
    *,
    out: str | Path | None = None,
    workers: int = 8,
    seed: int | None = None,
    resume: bool = False,
    executor: Executor = "local",
    address: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    factory: bool = False,
    format: str | None = None,
    limit: int | None = None,
    own_documents: int | None = None,
    deadline_s: float | None = None,
    media: MediaPolicy | None = None,
    show_content: bool = False,
    command: str = "",
) -> Run:
    """What ``evaluate`` does, in the caller's event loop.

    A target that answers in threads has as many as the loop's default executor gives.
    """
    # Before the target is imported: it may change the current folder.
    folder = _folder(out)
    how = How(workers, executor, address, media or MediaPolicy(), progress, command)
    chosen = Suite.of(suite)
    if deadline_s is not None:
        chosen = replace(chosen, deadline_s=deadline_s)
    given = await asyncio.to_thread(_data, data, format, own_documents)
    wanted = await asyncio.to_thread(_wanted, target, given, chosen, seed=seed, factory=factory, limit=limit)
    folder = folder or Path(tempfile.mkdtemp(prefix="tamis-run-"))
    try:
        await run(wanted, folder, how, resume=resume)
    finally:
        await close(wanted.target)
    from .report import write_all

    try:
        summary = await asyncio.to_thread(write_all, folder, show_content=show_content)
    except OSError as error:
        raise ReportNotWritten.of(folder, error) from error
    return Run(folder, summary.report, summary.timings)


def _folder(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out).absolute()


def _wanted(target: Any, given: Data, suite: Suite, *, seed: int | None, factory: bool, limit: int | None) -> Wanted:
    if limit is not None and limit < 1:
        raise BadSetting(f"limit must be at least 1, not {limit!r}")
    if seed is not None and not is_seed(seed):
        raise BadSetting(f"seed must be a whole number of 0 or more, not {seed!r}")
    known = identity(given, limit)
    made = _target(target, given, factory)
    plan = Plan.made(suite, made.name, known, suite.seed if seed is None else seed, factory=factory)
    return Wanted(replace(plan, path=str(getattr(given, "path", ""))), suite, given, made, target, factory)


def _data(
    data: str | Path | Data | list[Case] | tuple[Case, ...], format: str | None, own_documents: int | None
) -> Data:
    if own_documents is not None:
        from .datasets.own_documents import OwnDocuments

        return OwnDocuments(_data(data, format, None), own_documents)
    if isinstance(data, str | Path):
        from .datasets import load

        return load(data, format)
    if isinstance(data, list | tuple):
        if strange := [one for one in data if not isinstance(one, Case)]:
            raise BadInput(f"data must be a path, a data set or cases; there is a {type(strange[0]).__name__} in it")
        return Cases(data)
    return data


def _target(target: Any, data: Data, factory: bool) -> Target:
    from .targets import target_of

    return target_of(target, factory=factory, documents=tuple(data.documents()) if factory else ())
