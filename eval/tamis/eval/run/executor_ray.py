"""The same units on the workers of a Ray cluster, in chunks; the journal is written by this process alone."""

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from tamis.core.errors import BadInput, BadSetting, MissingExtra
from tamis.core.media import MediaPolicy

from ..case import Document
from ..suite import Suite
from ..target import Target
from .attempt import Asker
from .closing import close
from .evidence import Thumbnails
from .journal import Journal
from .material import Gathered, documents_of
from .patience import Patience, patience_of
from .preparing import build_shared
from .runner import Tally
from .session import How, Wanted
from .slots import Slots
from .threads import DaemonThreads
from .unit import Finished, Unit, UnitRunner, lost

_ROUNDS = 4
"""Units of a chunk for each worker's place: what is run once more where a machine is lost."""
_CHUNK_RETRIES = 1
_UNIT_RETRIES = 2
"""How often Ray runs a chunk, and a unit by itself, again after its worker was lost."""


@dataclass(frozen=True)
class Job:
    """What a worker has to know to run units: sent once, and kept in its memory while units of it come.

    ``corpus`` is what a factory makes its target of; ``material`` is a list with a reference to what attacks draw from.
    """

    token: str
    spec: str
    factory: bool
    suite: Suite
    seed: int
    workers: int
    media: MediaPolicy
    corpus: tuple[Document, ...]
    material: list[Any]
    search: tuple[str, ...]


class _Worker:
    """A target in a worker's process, with the event loop that it lives in."""

    def __init__(self, job: Job) -> None:
        from ..targets import target_of

        sys.path += [folder for folder in job.search if folder not in sys.path]
        self.token = job.token
        self._loop = asyncio.Runner()
        self._threads = DaemonThreads()
        self._loop.get_loop().set_default_executor(DaemonThreads())
        self._target: Target = target_of(job.spec, factory=job.factory, documents=job.corpus)
        slots = Slots(job.workers)
        asker = Asker(self._target, slots, deadline_s=job.suite.deadline_s, retries=job.suite.retries)
        self._runner = UnitRunner(
            name=self._target.name,
            takes=self._target.takes,
            asker=asker,
            attacks=job.suite.attack_of,
            metrics=job.suite.metrics,
            material=Gathered(lambda: _fetched(job.material)),
            thumbnails=Thumbnails(job.media),
            patience=Patience(self._threads, patience_of(job.suite.deadline_s)),
            seed=job.seed,
        )

    def run(self, chunk: Sequence[Unit]) -> list[Finished]:
        async def together() -> list[Finished]:
            await build_shared(self._target, lambda: chunk[0])
            return await asyncio.gather(*map(self._runner.run, chunk))

        return self._loop.run(together())

    def close(self) -> None:
        self._loop.run(close(self._target))
        self._threads.shutdown()
        self._loop.close()


_at_work: list[_Worker] = []
"""The target that this worker process made for its last chunk, and will most likely need for the next one."""


class _Line(NamedTuple):
    """A unit's line, sent back without the unit."""

    line: bytes
    lost: bool


def run_chunk(token: str, job: list[Any], chunk: Sequence[Unit]) -> list[_Line]:
    """Runs units in a worker's process; ``job`` is a list with a reference to the Job of that token."""
    if not _at_work or _at_work[0].token != token:
        while _at_work:
            _at_work.pop().close()
        _at_work.append(_Worker(_fetched(job)))
    return [_Line(finished.line, finished.lost) for finished in _at_work[0].run(chunk)]


async def run_on_ray(wanted: Wanted, journal: Journal, how: How, tally: Tally) -> None:
    """Runs what is to do on a cluster, or on this machine where no address is given.

    Units whose worker is lost are run on another. A unit that takes its worker's process with it each time has failed,
    and no other. Raises MissingExtra without Ray, BadSetting for a target that has no name to make it by
    elsewhere, and BadInput where a worker cannot make it.
    """
    if not isinstance(wanted.spec, str):
        raise BadSetting("the executor ray makes the target anew on each worker: name it as module:attribute")
    with _connected(how.address) as ray:
        places = max(1, int(ray.cluster_resources().get("CPU", 1)))
        parallel = min(how.workers, places)
        each = -(-how.workers // parallel)
        job = _job(wanted, how, each, ray)
        # In a list a reference stays one: the job is fetched once for each process, not for each chunk.
        known = [ray.put(job)]
        remote = ray.remote(run_chunk)
        room = asyncio.Semaphore(parallel)
        todo = wanted.todo(journal.done)

        async def run(chunk: Sequence[Unit]) -> None:
            try:
                retries = _UNIT_RETRIES if len(chunk) == 1 else _CHUNK_RETRIES
                lines: list[_Line] = await remote.options(max_retries=retries).remote(job.token, known, chunk)
            except ray.exceptions.RayTaskError as error:
                raise BadInput(f"a worker of the cluster cannot run the target: {error.cause}") from error
            except (ray.exceptions.RayError, OSError) as error:
                if len(chunk) > 1:
                    for unit in chunk:
                        await run([unit])
                    return
                why = f"its worker was lost {_UNIT_RETRIES + 1} times ({type(error).__name__})"
                lines = [_Line(lost(chunk[0], why, wanted.suite.metrics).line, True)]
            await asyncio.gather(*(asyncio.wrap_future(journal.append(one.line)) for one in lines))
            for one in lines:
                tally.finished(one.lost)

        async def admitted(chunk: Sequence[Unit]) -> None:
            try:
                await run(chunk)
            finally:
                room.release()

        try:
            async with asyncio.TaskGroup() as group:
                while chunk := await asyncio.to_thread(lambda: list(islice(todo, _ROUNDS * each))):
                    await room.acquire()
                    group.create_task(admitted(chunk))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None


def _job(wanted: Wanted, how: How, workers: int, ray: Any) -> Job:
    return Job(
        token=uuid.uuid4().hex,
        spec=wanted.spec,
        factory=wanted.factory,
        suite=wanted.suite,
        seed=wanted.plan.seed,
        workers=workers,
        media=how.media,
        corpus=tuple(wanted.data.documents()) if wanted.factory else (),
        material=[ray.put(documents_of(wanted.data) if wanted.suite.attacks else [])],
        search=tuple(os.path.abspath(folder) for folder in sys.path),
    )


def _fetched(reference: list[Any]) -> Any:
    import ray

    return ray.get(reference[0])


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster or started on this machine; as it was before where it was connected already."""
    # Read when Ray's processes start: nothing is reported to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingExtra("evaluation on many machines", extra="ray") from error
    if ray.is_initialized():
        yield ray
        return
    settings: Mapping[str, Any] = {"address": address} if address else _LOCAL
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **settings)
    except ConnectionError as error:
        raise BadInput(f"there is no Ray cluster at {address}: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


# With an address Ray does not ask the network for this machine's own.
_LOCAL: Mapping[str, Any] = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
