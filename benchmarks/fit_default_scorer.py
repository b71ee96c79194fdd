"""Fits the embedded default scorer and the default policy's prior on public data; writes them with provenance.

    python benchmarks/fit_default_scorer.py [--cases-per-kind 500] [--output plugin/tamis/models/evidence.json]

The three sets are lost-in-the-middle, MedQuAD and CLAPnq. The questions of ``tamis demo`` take no part in it.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from cases import PoolSearch, training_cases
from corpora import CORPORA
from evidence_cases import CaseEvidence, evidence_of_cases
from fitting import fit_counts, fit_model

from tamis.models.sentence_transformer import SentenceTransformerEmbedder

SHIPPED = Path(__file__).resolve().parents[1] / "plugin" / "tamis" / "models" / "evidence.json"


def training_evidence(names: Sequence[str], count: int) -> dict[str, list[CaseEvidence]]:
    """The evidence of every named corpus's training cases; the same names and count give the same evidence.

    Questions that a corpus cannot answer come from the other named ones alone, so that nothing of a set left out is
    ever seen.
    """
    embedder = SentenceTransformerEmbedder()
    corpora = {name: CORPORA[name]() for name in names}
    found = {}
    for name, corpus in corpora.items():
        others = [other for other in corpora.values() if other is not corpus]
        found[name] = evidence_of_cases(training_cases(PoolSearch(corpus, embedder), others, count), embedder)
    return found


def main() -> None:
    """Fits on all three sets and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases-per-kind", type=int, default=500)
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args()
    by_corpus = training_evidence(list(CORPORA), options.cases_per_kind)
    everything = [case for cases in by_corpus.values() for case in cases]
    embedder = SentenceTransformerEmbedder()
    model = fit_model(everything)
    written = {
        "format": 1,
        "provenance": {
            "command": f"python benchmarks/fit_default_scorer.py --cases-per-kind {options.cases_per_kind}",
            "embedder": embedder.name,
            "cases": {name: len(cases) for name, cases in by_corpus.items()},
            "data": {
                "litm": "Lost in the Middle, Liu et al. 2023 (NaturalQuestions, Wikipedia)",
                "medquad": "MedQuAD, Ben Abacha and Demner-Fushman 2019 (CC-BY-4.0)",
                "clapnq": "CLAPnq dev, Rosenthal et al. 2024 (Apache-2.0)",
            },
        },
        "models": {
            embedder.name: model.to_dict(),
            "any": fit_model(everything, use_cosine_level=False).to_dict(),
        },
        "counts": fit_counts(everything, model)._asdict(),
    }
    options.output.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {options.output}: {len(everything)} cases")


if __name__ == "__main__":
    main()
