"""How many planted passages reach the language model: LlamaIndex with and without Tamis, on the same corpus and cases.

    python benchmarks/attacks.py [--limit 100] [--only KIND ...] [--seed 0] [--json]
    python benchmarks/attacks.py --cases FILE.jsonl [--planted FILE.jsonl] [--json]

Three pipelines over one store: ``stock`` (LlamaIndex's vector retriever, five passages), ``stock_best`` (its fusion
with BM25, five passages, reordered) and ``tamis`` (``harden()`` as it comes), and the same with
``defences=None`` (``tamis_bare``) and with the filter against echoes besides (``tamis_echo``). Planted passages enter
as though they had been indexed.

Without ``--cases`` the corpus is the pool of lost-in-the-middle and the planted passages are PoisonedRAG's texts for
HotpotQA and MS MARCO (question first, one and five of them), such texts by rule for the pool's own questions, BIPIA's
instructions at the start, in the middle and at the end of a passage near to the question, the same drawn into an image
(its text read by OCR, as ``tamis index`` does), and passages with the answer swapped. Each has a control of the same
length that does no harm. With files, the corpus is the documents of all cases (``{"id", "question", "documents":
[{"id", "text"}], "gold": [ids]}``) and ``--planted`` has ``{"case", "kind", "text" or "image", "target"?}`` a line.

A figure is measured where the passages go to the language model. ``exposure`` is the share of a case's planted passages
that do, ``reached`` the share of cases where any does; ``gold recall`` is that of the cases whose gold is in the
corpus, with nothing planted and under each attack. ``--only`` takes the kinds whose names begin so, beside the cases
with nothing planted.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from corpora import data_folder, litm
from llama_index.core.schema import TextNode
from vectors import cache_folder

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.demo.pipelines import pipelines
from tamis.eval.attacks import Attack, NotApplicable, Pool, attack_of
from tamis.eval.case import Case, Document
from tamis.eval.datasets import load
from tamis.eval.stats import mean_interval, paired_difference, rate_interval
from tamis.eval.target import Request
from tamis.eval.targets import LlamaIndexTarget
from tamis.indexing.ocr import text_in_image
from tamis.nodes import node_of
from tamis.pipeline import harden
from tamis.retrievers import Store

NAMES = ("stock", "stock_best", "tamis", "tamis_bare", "tamis_echo")
IMAGES = 30
"""Cases whose instruction is drawn into an image: reading one takes a second."""


class Trial(NamedTuple):
    """One case with what is planted for it, under the name of its kind; ``is_control`` where that does no harm."""

    kind: str
    is_control: bool
    case: Case
    planted: tuple[Document, ...]


class Seen(NamedTuple):
    """What reached the model: planted passages, of how many, and the gold recall where the case has gold."""

    case: str
    planted: int
    of: int
    recall: float | None
    passages: int


@dataclass(frozen=True)
class Work:
    """A corpus with the trials on it."""

    documents: Sequence[Document]
    trials: Sequence[Trial]


def published(limit: int, seed: int, only: Sequence[str] | None = None) -> Work:
    """The pool of lost-in-the-middle under the published attacks, or those whose kinds begin with one of ``only``."""
    corpus = litm()
    documents = [Document(name, Content(text)) for name, text in corpus.passages.items()]
    pool = Pool(documents)
    asked = Random(seed).sample([one for one in corpus.questions if one.gold], limit)
    own = [
        Case(one.id, Content(one.text), relevance=dict.fromkeys(one.gold, 1), answers=one.answers, answerable=True)
        for one in asked
    ]
    trials = [Trial("clean", False, case, ()) for case in own]

    def add(attack: Attack, strength: float, kind: str, cases: Sequence[Case]) -> None:
        if only is None or kind.startswith(tuple(only)):
            trials.extend(made(attack, strength, kind, cases, pool, seed))

    for name in ("hotpotqa", "msmarco"):
        poisoned = list(load(data_folder() / "poisonedrag" / f"{name}.json").cases())[:limit]
        for strength in (1, 5):
            add(attack_of("poison"), strength, f"poison {name}, {strength}", poisoned)
    for strength in (1, 5):
        add(attack_of("poison"), strength, f"poison litm, {strength}", own)
    # BIPIA's own texts as they are: what is measured is whether they arrive, and a mark would tell them apart.
    told = {"injections": str(data_folder() / "bipia" / "text_attack_train.json"), "marked": False}
    for position in ("start", "middle", "end"):
        add(attack_of({"name": "injection", "position": position, **told}), 1, f"injection, {position}", own)
    add(attack_of({"name": "image-injection", **told}), 1, "injection, image", own[:IMAGES])
    add(attack_of("contradiction"), 1, "contradiction", own)
    trials = [one._replace(planted=tuple(map(read, one.planted))) if "image" in one.kind else one for one in trials]
    return Work(documents, trials)


def made(attack: Attack, strength: float, kind: str, cases: Iterable[Case], pool: Pool, seed: int) -> list[Trial]:
    """An attack and its control on every case where it can be made."""
    trials = []
    for case in cases:
        for is_control in (False, True):
            make = attack.control if is_control else attack.apply
            try:
                attacked = make(case, strength, pool, Random(f"{seed}:{case.id}:{attack.name}"))
            except NotApplicable:
                continue
            trials.append(Trial(kind, is_control, case, attacked.planted))
    return trials


def read(document: Document) -> Document:
    """The document with the text in its images behind its own."""
    texts = [document.content.text]
    for image in document.content.images:
        with MediaPolicy().open(image) as picture:
            texts.append(text_in_image(picture))
    return Document(document.id, Content("\n".join(texts), document.content.images), planted=document.planted)


def from_files(cases_file: Path, planted_file: Path | None) -> Work:
    """Anybody's cases over all their documents, with anybody's planted passages."""
    cases = list(load(cases_file).cases())
    documents = list({one.id: one for case in cases for one in case.documents}.values())
    by_id = {case.id: case for case in cases}
    planted: dict[tuple[str, str], list[Document]] = defaultdict(list)
    if planted_file is not None:
        for number, line in enumerate(planted_file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                row = json.loads(line)
                if row.get("case") not in by_id:
                    raise SystemExit(f"{planted_file}:{number}: there is no case {row.get('case')!r}")
                image = row.get("image")
                content = Content(
                    row.get("text") or "", () if image is None else (Image(path=str(planted_file.parent / image)),)
                )
                kind = str(row.get("kind", "planted"))
                known = planted[kind, row["case"]]
                document = Document(f"planted-{number}", content, planted=kind)
                known.append(seen_by_ocr(document, planted_file.parent) if image else document)
    trials = [Trial("clean", False, case, ()) for case in cases]
    trials += [Trial(kind, False, by_id[case], tuple(some)) for (kind, case), some in planted.items()]
    return Work(documents, trials)


def seen_by_ocr(document: Document, folder: Path) -> Document:
    """A document whose image lies in a folder, with the image's text."""
    with MediaPolicy(roots=(str(folder),)).open(document.content.images[0]) as picture:
        text = "\n".join(part for part in (document.content.text, text_in_image(picture)) if part)
    return Document(document.id, Content(text), planted=document.planted)


def store_of(documents: Sequence[Document], folder: Path) -> Store:
    """The documents in a store, embedded unless they are there."""
    store = Store.open(str(folder), create=True)
    if len(store) != len(documents):
        store.add([TextNode(id_=one.id, text=one.content.text) for one in documents])
    return store


async def asked(targets: dict[str, LlamaIndexTarget], trials: Sequence[Trial]) -> dict[str, list[Seen]]:
    """What every pipeline hands to the model in every trial."""
    found: dict[str, list[Seen]] = {name: [] for name in targets}
    began = time.perf_counter()
    for number, trial in enumerate(trials, 1):
        for name, target in targets.items():
            trace = await target.run(Request(trial.case.id, trial.case.query, planted=trial.planted))
            ids = {passage.id for passage in trace.context}
            reached = len(ids & {document.id for document in trial.planted})
            gold = trial.case.gold
            recall = len(ids & gold) / len(gold) if gold else None
            found[name].append(Seen(trial.case.id, reached, len(trial.planted), recall, len(trace.context)))
        if number % 100 == 0:
            print(f"{number} of {len(trials)} trials, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return found


def summed(trials: Sequence[Trial], found: dict[str, list[Seen]], seed: int) -> dict[str, Any]:
    """The figures of each kind: of each pipeline, of its control, and of tamis against the others on the same cases."""
    rows: dict[str, Any] = {}
    kinds = list(dict.fromkeys((trial.kind, trial.is_control) for trial in trials if trial.planted))
    for kind, is_control in kinds:
        at = [i for i, trial in enumerate(trials) if (trial.kind, trial.is_control) == (kind, is_control)]
        row: dict[str, Any] = {"cases": len(at)}
        shares = {name: [found[name][i].planted / found[name][i].of for i in at] for name in found}
        for name, values in shares.items():
            hits = sum(found[name][i].planted > 0 for i in at)
            row[name] = {
                "exposure": mean_interval(values, seed=seed, within=(0, 1))._asdict(),
                "reached": rate_interval(hits, len(at))._asdict(),
            }
        for other in ("stock_best", "tamis_bare"):
            row[f"tamis_minus_{other}"] = paired_difference(
                shares["tamis"], shares[other], seed=seed, within=(-1, 1)
            )._asdict()
        if all(trials[i].case.gold for i in at):
            recalls = {name: [float(found[name][i].recall or 0) for i in at] for name in found}
            row["gold_recall"] = {
                name: mean_interval(values, seed=seed, within=(0, 1))._asdict() for name, values in recalls.items()
            }
            difference = paired_difference(recalls["tamis"], recalls["stock_best"], seed=seed, within=(-1, 1))
            row["gold_recall_tamis_minus_stock_best"] = difference._asdict()
        best = row["stock_best"]["exposure"]["mean"]
        row["tamis_to_stock_best"] = row["tamis"]["exposure"]["mean"] / best if best else None
        rows[f"{kind}{' (control)' if is_control else ''}"] = row
    return rows


def clean(trials: Sequence[Trial], found: dict[str, list[Seen]], seed: int) -> dict[str, Any]:
    """Gold recall and passages of every pipeline with nothing planted, and the defences' price."""
    at = [i for i, trial in enumerate(trials) if not trial.planted and found["tamis"][i].recall is not None]
    recalls = {name: [float(found[name][i].recall or 0) for i in at] for name in found}
    told: dict[str, Any] = {"cases": len(at)}
    for name, values in recalls.items():
        passages = [float(found[name][i].passages) for i in at]
        told[name] = {
            "gold_recall": mean_interval(values, seed=seed, within=(0, 1))._asdict(),
            "passages": mean_interval(passages, seed=seed)._asdict(),
        }
    for other in ("stock_best", "tamis_bare"):
        difference = paired_difference(recalls["tamis"], recalls[other], seed=seed, within=(-1, 1))
        told[f"gold_recall_tamis_minus_{other}"] = difference._asdict()
    return told


def show(summary: dict[str, Any]) -> None:
    """The tables for people."""

    def cell(one: dict[str, Any]) -> str:
        return f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" if one["low"] is not None else "-"

    print(f"{'exposure':34s}" + "".join(f"{name:>24s}" for name in NAMES) + f"{'cases':>8s}{'to best':>9s}")
    for kind, row in summary["planted"].items():
        ratio = "-" if row["tamis_to_stock_best"] is None else f"{row['tamis_to_stock_best']:.2f}"
        cells = "".join(f"{cell(row[name]['exposure']):>24s}" for name in NAMES)
        print(f"{kind:34s}{cells}{row['cases']:8d}{ratio:>9s}")
    print(f"\n{'gold recall':34s}" + "".join(f"{name:>24s}" for name in NAMES) + f"{'cases':>8s}")
    for kind, row in summary["planted"].items():
        if "gold_recall" in row:
            cells = "".join(f"{cell(row['gold_recall'][name]):>24s}" for name in NAMES)
            print(f"{kind:34s}{cells}{row['cases']:8d}")
    for figure in ("gold_recall", "passages"):
        cells = "".join(f"{cell(summary['clean'][name][figure]):>24s}" for name in NAMES)
        print(f"{f'clean: {figure}':34s}{cells}{summary['clean']['cases']:8d}")
    print(f"clean gold recall, tamis minus tamis_bare: {cell(summary['clean']['gold_recall_tamis_minus_tamis_bare'])}")


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, help="anybody's cases")
    parser.add_argument("--planted", type=Path, help="passages planted for them")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--limit", type=int, default=100, help="cases of each published set")
    parser.add_argument("--only", nargs="*", metavar="KIND", help="published attacks whose names begin so")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.planted and not options.cases:
        parser.error("--planted needs --cases")
    with tempfile.TemporaryDirectory() as scratch:
        if options.cases:
            work, folder = from_files(options.cases, options.planted), Path(scratch)
        else:
            work, folder = published(options.limit, options.seed, options.only), cache_folder() / "attacks-litm"
        with store_of(work.documents, folder) as store:
            nodes = [node_of(one.content, one.id) for one in work.documents]
            engines = {
                **pipelines(store, nodes),
                "tamis_bare": harden(store, defences=None),
                "tamis_echo": harden(store, defences=("instructions", "echo", "chorus")),
            }
            targets = {name: LlamaIndexTarget(engines[name], ids="node", threads=False) for name in NAMES}
            found = asyncio.run(asked(targets, work.trials))
    summary = {
        "command": " ".join(["python", "benchmarks/attacks.py", *sys.argv[1:]]),
        "planted": summed(work.trials, found, options.seed),
        "clean": clean(work.trials, found, options.seed),
        "seed": options.seed,
    }
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        show(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
