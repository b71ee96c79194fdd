"""vLLM's engine on a thread of its own: requests of all callers run in one continuous batch."""

import logging
import multiprocessing
import multiprocessing.connection
import os
import queue
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tamis.core.errors import MissingExtra, ModelUnavailable, ScorerError
from tamis.models.deadline import time_left
from tamis.models.unavailable import again

logger = logging.getLogger(__name__)

_AT_ONCE = 16
"""Requests that are let in between two steps: their images are processed while nothing else is done here."""
_LOOK_S = 1.0


class EngineEnded(ScorerError):
    """The engine was closed or died, and what it was asked is not answered."""


class Request(NamedTuple):
    """One prompt in vLLM's form and what is asked of it: for a pooling model the two sides of a pair."""

    prompt: Any
    params: Any = None
    sides: tuple[Any, Any] | None = None


@dataclass
class _Job:
    """The requests of one call, and what came of each: an output of vLLM, an error, or None while there is nothing."""

    requests: Sequence[Request]
    results: list[Any]
    left: int
    done: threading.Event = field(default_factory=threading.Event)
    abandoned: bool = False
    _lock: Any = field(default_factory=threading.Lock)

    def settle(self, at: int, result: Any) -> None:
        with self._lock:
            if self.results[at] is None:
                self.results[at] = result
                self.left -= 1
                if self.left == 0:
                    self.done.set()


class Facts(NamedTuple):
    """What the started engine says of itself; ``pools`` for a model whose ``score`` is asked."""

    pools: bool
    context: int


class Engine:
    """A started ``vllm.LLM``. Raises MissingExtra without vLLM, ModelUnavailable, naming the model, if it won't start.

    Everything that touches vLLM happens on one thread, which admits new requests while others are under way. The
    engine is shut down by ``close``, with the last reference to it, or when the program ends. vLLM's reports of usage
    to its makers are off unless the environment says otherwise (``VLLM_NO_USAGE_STATS``).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        try:
            import vllm  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
        except ImportError as error:
            raise MissingExtra("vLLM in this process", extra="vllm") from error
        # The thread knows the loop alone, so that this object can go while the thread runs.
        self._loop = _Loop(dict(settings))
        self._loop.start()
        self._end = weakref.finalize(self, self._loop.stop)
        try:
            self.facts = self._loop.wait_until_started()
        except BaseException:
            self._end()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether requests are still answered."""
        return self._loop.is_running

    def run(self, requests: Sequence[Request]) -> list[Any]:
        """One entry for each request: vLLM's output, a TamisError, or None where the caller's deadline came first.

        Safe from any number of threads. Raises EngineEnded where the engine ended before it answered any.
        """
        if not requests:
            return []
        job = _Job(requests, [None] * len(requests), len(requests))
        self._loop.submit(job)
        if not job.done.wait(time_left()):
            job.abandoned = True
            self._loop.wake()
            return list(job.results)
        if all(isinstance(result, EngineEnded) for result in job.results):
            raise again(job.results[0]) from job.results[0].__cause__
        return job.results

    def close(self) -> None:
        """Ends the engine and its processes; what is under way gets errors. A second time nothing happens."""
        self._end()


class _Loop:
    """The thread's side of an engine."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.model = str(settings["model"])
        self.is_running = False
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started: queue.SimpleQueue[Facts | BaseException] = queue.SimpleQueue()
        self._stopping = False
        self._ended: EngineEnded | None = None
        self._lock = threading.Lock()
        # Waiting entries, and those that vLLM has, by its request's id.
        self._waiting: list[tuple[_Job, int]] = []
        self._running: dict[str, tuple[_Job, int]] = {}
        self._thread = threading.Thread(target=self._work, name="tamis-vllm", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_until_started(self) -> Facts:
        told = self._started.get()
        if isinstance(told, BaseException):
            raise told
        return told

    def submit(self, job: _Job) -> None:
        with self._lock:
            if self._ended is not None:
                raise again(self._ended) from self._ended.__cause__
            self._inbox.put(job)

    def wake(self) -> None:
        self._inbox.put(None)

    def stop(self) -> None:
        self._stopping = True
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=60)

    def _work(self) -> None:
        llm: Any = None
        problem = EngineEnded(f'the vLLM engine of "{self.model}" was closed')
        try:
            llm = self._start()
            if llm is not None:
                self._serve(llm)
        except Exception as error:  # noqa: BLE001 - it goes to everybody who waits for an answer
            logger.warning("the vLLM engine of %s ended: %s", self.model, _line(error))
            problem = EngineEnded(f'the vLLM engine of "{self.model}" ended: {_line(error)}')
            problem.__cause__ = error
        finally:
            self._tell_all(problem)
            if llm is not None:
                _shut_down(llm)

    def _tell_all(self, problem: EngineEnded) -> None:
        """Nobody waits for an answer any more, and nobody asks again."""
        self.is_running = False
        with self._lock:
            self._ended = self._ended or problem
            self._take(block=False)
            for job, at in [*self._waiting, *list(self._running.values())]:
                job.settle(at, self._ended)
            self._waiting, self._running = [], {}

    def _start(self) -> Any:
        try:
            from vllm import LLM

            before = set(multiprocessing.active_children())
            llm = LLM(**self.settings)
            processes = [each for each in multiprocessing.active_children() if each not in before]
            config = llm.llm_engine.vllm_config.model_config
            facts = Facts(config.runner_type == "pooling", int(config.max_model_len))
        except Exception as error:  # noqa: BLE001 - whatever vLLM fails with, the caller is told in one way
            told = ModelUnavailable(
                f'vLLM cannot start with the model "{self.model}": {_line(error)}; what it logged before says more'
            )
            told.__cause__ = error
            self._started.put(told)
            return None
        self.pools = facts.pools
        self.is_running = True
        watch = threading.Thread(target=self._watch, args=(llm, processes), name="tamis-vllm-watch", daemon=True)
        watch.start()
        self._started.put(facts)
        return llm

    def _watch(self, llm: Any, processes: Sequence[Any]) -> None:
        """Ends this loop when a process of the engine is gone: vLLM itself would wait for its answer forever."""
        sentinels = [process.sentinel for process in processes]
        while sentinels and self.is_running:
            if multiprocessing.connection.wait(sentinels, timeout=_LOOK_S) and self.is_running and not self._stopping:
                problem = EngineEnded(f'the vLLM engine of "{self.model}" ended: one of its processes is gone')
                answers = getattr(llm.llm_engine.engine_core, "outputs_queue", None)
                if answers is not None:
                    answers.put_nowait(problem)
                self._stopping = True
                self._tell_all(problem)
                self.wake()

    def _serve(self, llm: Any) -> None:
        while True:
            self._take(block=not (self._waiting or self._running))
            if self._stopping:
                return
            if self.pools:
                self._pool(llm)
            else:
                self._admit(llm)
                self._drop_abandoned(llm)
                if self._running:
                    self._step(llm)

    def _take(self, *, block: bool) -> None:
        """What came in since, first come first."""
        while True:
            try:
                job = self._inbox.get(block=block)
            except queue.Empty:
                return
            block = False
            if job is not None:
                self._waiting += [(job, at) for at in range(len(job.requests))]

    def _admit(self, llm: Any) -> None:
        batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        for number, (job, at) in enumerate(batch):
            if job.abandoned:
                continue
            request = job.requests[at]
            try:
                (name,) = llm.enqueue([request.prompt], request.params, use_tqdm=False)
            except Exception as error:
                # One prompt that vLLM refuses must not lose the others.
                if _is_dead(error):
                    self._waiting = [*batch[number:], *self._waiting]
                    raise
                job.settle(at, ScorerError(f"vLLM refused the prompt: {_line(error)}"))
                continue
            # vLLM hangs a random part on the id that its outputs bear.
            self._running[str(name).partition("-")[0]] = (job, at)

    def _drop_abandoned(self, llm: Any) -> None:
        late = [name for name, (job, _) in self._running.items() if job.abandoned]
        if late:
            llm.llm_engine.abort_request(late)
            for name in late:
                self._running.pop(name, None)

    def _step(self, llm: Any) -> None:
        for output in llm.llm_engine.step():
            if output.finished and (known := self._running.pop(str(output.request_id), None)) is not None:
                job, at = known
                job.settle(at, output)

    def _pool(self, llm: Any) -> None:
        """All pairs that wait in one call; where it fails, one by one."""
        batch, self._waiting = [one for one in self._waiting if not one[0].abandoned], []
        if not batch:
            return
        try:
            outputs = _scored(llm, [job.requests[at] for job, at in batch])
        except Exception as error:
            if _is_dead(error):
                self._waiting = batch
                raise
            outputs = []
            for job, at in batch:
                try:
                    outputs += _scored(llm, [job.requests[at]])
                except Exception as alone:
                    # One pair that vLLM refuses must not lose the others.
                    if _is_dead(alone):
                        self._waiting = batch
                        raise
                    outputs.append(ScorerError(f"vLLM refused the pair: {_line(alone)}"))
        for (job, at), output in zip(batch, outputs, strict=True):
            job.settle(at, output)


def _scored(llm: Any, requests: Sequence[Request]) -> list[Any]:
    sides = [request.sides for request in requests if request.sides is not None]
    outputs: list[Any] = llm.score(
        [first for first, _ in sides],
        [second for _, second in sides],
        use_tqdm=False,
        pooling_params=requests[0].params,
        chat_template=getattr(llm, "chat_template", None),
    )
    return outputs


def _is_dead(error: Exception) -> bool:
    """Whether the engine's own process is gone, after which nothing works any more."""
    return type(error).__name__ == "EngineDeadError"


def _shut_down(llm: Any) -> None:
    core = getattr(llm.llm_engine, "engine_core", None)
    if callable(shutdown := getattr(core, "shutdown", None)):
        try:
            shutdown()
        except Exception as error:  # noqa: BLE001 - it ends anyway, with the program at the latest
            logger.warning("vLLM did not shut down cleanly: %s", _line(error))


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."
