"""The same suite on Ray: the same report, though a machine is lost in the middle of it."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.eval.case import Case
from tamis.eval.evaluation import evaluate
from tamis.eval.run.journal import records
from tamis.eval.suite import Suite

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray")

APP = """
import asyncio, os
from tamis.core.content import Content
from tamis.eval.target import Request
from tamis.eval.trace import Passage, Step, Trace

async def engine(request: Request) -> Trace:
    with open(os.path.join(os.path.dirname(__file__), "workers.log"), "a") as log:
        log.write(f"{os.getpid()}\\n")
    if request.query.text == "where is the haven number 7" and not request.planted:
        os._exit(1)
    await asyncio.sleep(0.05)
    found = (*request.planted, *(request.documents or ()))
    passages = tuple(Passage(one.id, one.content, None, one.planted) for one in found)
    return Trace((Step("retrieve", passages),), passages[0].content)
"""

# In a process of its own: Ray starts processes and threads that outlive a test.
RUN = """
import os, sys, threading, time
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from tamis.core.content import Content
from tamis.eval.case import Case, Document
from tamis.eval.evaluation import evaluate
from tamis.eval.run.journal import FILE

WORDS = "amber basin cedar delta ember fjord grove haven islet jetty".split()
CASES = [
    Case(f"c{i}", Content(f"where is the {WORDS[i % 10]} number {i}"),
         tuple(Document(f"d{j}", Content(f"the {WORDS[j % 10]} by the {WORDS[j // 10]}")) for j in range(i, i + 3)),
         {f"d{i}": 1}, answers=(WORDS[i // 10],))
    for i in range(40)
]
SUITE = {
    "name": "small", "metrics": ["nDCG@10", "answer_f1", "exposure", "latency_s"],
    "attacks": [{"name": "poison", "strengths": [1]}, {"name": "typos", "strengths": [0.3], "control": False}],
}

def main():
    from tamis.eval.suite import Suite
    suite = Suite.of(SUITE)
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False},
    )
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    killed = []

    def kill(progress):
        if progress.done >= 40 and not killed:
            killed.append(progress.done)
            threading.Thread(target=cluster.remove_node, args=(second, False)).start()

    evaluate("app:engine", CASES, suite, out="ray", workers=2, seed=5, executor="ray", progress=kill)
    print("killed", *killed, flush=True)
    ray.shutdown()
    cluster.shutdown()

main()
"""

LOCAL = (
    RUN[: RUN.index("def main")]
    + """
import app
from tamis.eval.suite import Suite

def gone(code):
    raise RuntimeError("gone")

app.os._exit = gone
evaluate("app:engine", CASES, Suite.of(SUITE), out="local", workers=4, seed=5)
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ray")
    (made / "app.py").write_text(APP)
    (made / "on_ray.py").write_text(RUN)
    (made / "locally.py").write_text(LOCAL)
    return made


def test_a_node_is_killed_a_worker_dies_and_nothing_else_differs(folder: Path) -> None:
    run = subprocess.run([sys.executable, "on_ray.py"], cwd=folder, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "killed 4" in run.stdout
    subprocess.run([sys.executable, "locally.py"], cwd=folder, check=True)
    on_ray, local = ({one.key: one for one in records(folder / name)} for name in ("ray", "local"))
    lost = on_ray.pop(("c7", "clean"))
    assert lost.error is not None
    assert lost.error.startswith("its worker was lost 3 times")
    assert local.pop(("c7", "clean")).error == "RuntimeError: gone"
    assert len(on_ray) == 40 * 4 - 1
    for key, record in on_ray.items():
        assert replace(record, timings={}) == replace(local[key], timings={})
    assert len(set((folder / "workers.log").read_text().split())) >= 3


def test_a_target_without_a_name_cannot_be_made_elsewhere(tmp_path: Path) -> None:
    suite = Suite.of({"name": "small", "metrics": ["answer_f1"]})
    with pytest.raises(BadSetting, match="name it as module:attribute"):
        evaluate(str.upper, [Case("a", Content("q"))], suite, out=tmp_path / "run", executor="ray")
