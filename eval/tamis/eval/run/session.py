"""A run from its plan to its last record: a folder of its own, one writer, started afresh or gone on with."""

import asyncio
import logging
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from tamis.core.errors import BadInput, BadSetting
from tamis.core.media import MediaPolicy

from ..suite import Suite
from ..target import Target
from .attempt import Asker
from .data import Data
from .errors import RunStopped
from .evidence import Thumbnails
from .journal import FILE as JOURNAL
from .journal import Journal
from .lock import FILE as LOCK
from .material import Gathered, documents_of
from .patience import Patience, patience_of
from .plan import FILE as PLAN
from .plan import Plan
from .preparing import build_shared, takes_of
from .runner import Progress, Tally, run_units, window_of
from .slots import Slots
from .threads import DaemonThreads
from .unit import Unit, UnitRunner, units
from .watchdog import watched

Executor = Literal["local", "ray"]
_PACKAGES = ("llama-index-core", "numpy", "scipy", "statsmodels", "ir-measures", "torch", "transformers", "ray")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class How:
    """How a run is carried out, which decides none of its numbers.

    ``workers`` is how many cases are at the target at once, at most. ``address`` is that of a Ray cluster, None for
    this machine. ``media`` says which images may be opened for thumbnails. ``command`` is how a person started it.
    """

    workers: int = 8
    executor: Executor = "local"
    address: str | None = None
    media: MediaPolicy = field(default_factory=MediaPolicy)
    progress: Callable[[Progress], None] | None = None
    command: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.workers, bool) or not isinstance(self.workers, int) or self.workers < 1:
            raise BadSetting(f"workers must be a whole number of at least 1, not {self.workers!r}")
        if self.executor not in ("local", "ray"):
            raise BadSetting(f'no executor is called "{self.executor}"; known: local, ray')
        if self.address is not None and self.executor != "ray":
            raise BadSetting("an address is that of a Ray cluster: it needs the executor ray")


@dataclass(frozen=True)
class Wanted:
    """What is to be run. ``spec`` and ``factory`` are what the target is made of, for other machines to make it too."""

    plan: Plan
    suite: Suite
    data: Data
    target: Target
    spec: Any
    factory: bool = False

    def todo(self, done: Mapping[str, set[int]]) -> Iterator[Unit]:
        """What the journal does not have."""
        return units(islice(self.data.cases(), self.plan.data.cases), self.suite.variants, done)


def check_folder(folder: Path, plan: Plan, *, resume: bool) -> Plan:
    """The plan to go on with: the folder's, or the new one. Raises BadInput where the folder is not for this run."""
    if (folder / PLAN).exists():
        there = Plan.read(folder)
        if (difference := there.difference(plan)) is not None:
            raise BadInput(f"{folder} holds another run: {difference}; name another folder")
        if not resume:
            raise BadInput(f"{folder} holds this run already; go on with it by --resume, or name another folder")
        return there
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is no folder")
    strange = [file.name for file in folder.iterdir() if not _is_ours(file)] if folder.exists() else []
    if strange:
        raise BadInput(f'{folder} holds something else ("{min(strange)}") and no run; name another folder')
    return plan


async def run(wanted: Wanted, folder: Path, how: How, *, resume: bool = False) -> None:
    """Runs what the folder's journal does not have yet. Nothing of a finished run is run again.

    Raises BadInput where the folder is not for this run, RunLocked where another process is writing to it, RunStopped
    where it cannot be written. However it ends, what was finished is kept, and ``resume=True`` goes on with the rest.
    """
    journal, plan = await asyncio.to_thread(_opened, wanted, folder, how, resume)
    tally = Tally(journal.count, plan.expected, how.progress)
    with journal:
        try:
            await _carry_out(wanted, journal, how, tally)
        except RunStopped as error:
            raise RunStopped(f"{error}; {_left(folder, tally)}") from error
        except (asyncio.CancelledError, KeyboardInterrupt):
            _log.warning("interrupted; %s", _left(folder, tally))
            raise
        *before, session = plan.sessions
        replace(plan, sessions=(*before, {**session, "finished": _now()})).write(folder)


def _opened(wanted: Wanted, folder: Path, how: How, resume: bool) -> tuple[Journal, Plan]:
    """The folder's journal, and its plan with this session in it, both on the disk."""
    plan = check_folder(folder, wanted.plan, resume=resume)
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder)
    try:
        if journal.count and not resume:
            # Another run came between the look at the folder and its lock.
            raise BadInput(f"{folder} holds a run already; name another folder")
        session = {"started": _now(), **_here(how), "records_before": journal.count}
        plan = replace(
            plan,
            versions=plan.versions or _versions(),
            path=plan.path or wanted.plan.path,
            command=plan.command or how.command,
            sessions=(*plan.sessions, session),
        )
        plan.write(folder)
    except BaseException:
        journal.close()
        raise
    return journal, plan


async def _carry_out(wanted: Wanted, journal: Journal, how: How, tally: Tally) -> None:
    if how.executor == "ray":
        from .executor_ray import run_on_ray

        await run_on_ray(wanted, journal, how, tally)
        return
    takes = await takes_of(wanted.target)
    await build_shared(wanted.target, lambda: next(wanted.todo(journal.done), None))
    threads = DaemonThreads()
    suite = wanted.suite
    runner = UnitRunner(
        name=wanted.target.name,
        takes=takes,
        asker=Asker(wanted.target, Slots(how.workers), deadline_s=suite.deadline_s, retries=suite.retries),
        attacks=suite.attack_of,
        metrics=suite.metrics,
        material=Gathered(lambda: documents_of(wanted.data)),
        thumbnails=Thumbnails(how.media),
        patience=Patience(threads, patience_of(suite.deadline_s)),
        seed=wanted.plan.seed,
    )
    try:
        with watched():
            await run_units(
                wanted.todo(journal.done),
                runner.run,
                journal,
                window=window_of(how.workers),
                tally=tally,
                threads=threads,
            )
    finally:
        threads.shutdown()


def _left(folder: Path, tally: Tally) -> str:
    done, total, _ = tally.state
    return f"{done} of {total} records are safe in {folder}: go on with --resume (resume=True)"


def _is_ours(file: Path) -> bool:
    """What a run leaves that was ended before it had written its plan."""
    return file.name == LOCK or (file.name == JOURNAL and file.stat().st_size == 0) or file.name.startswith(f".{PLAN}.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _here(how: How) -> dict[str, Any]:
    return {"workers": how.workers, "executor": how.executor, "host": platform.node(), "platform": platform.platform()}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
