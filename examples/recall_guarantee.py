"""Probabilities that mean something, and a promise about what is lost: calibrate a scorer, then fit the guarantee.

Prints:

    calibration error 0.121, after calibration 0.012
    keeps what is likelier than 0.105
    relevant passages lost: 6.9%, promised at most 10%
    passages kept: 5.1 of 12
"""

import random

from llama_index.core.schema import NodeWithScore, TextNode

from tamis.rerankers import AdaptiveTopK, Calibrator, RecallGuarantee

ALPHA = 0.1


def labelled_query(rng: random.Random) -> tuple[list[float], list[bool]]:
    """Log-odds of an overconfident scorer for twelve candidates, and which of them are relevant."""
    relevant = [rng.random() < 0.2 for _ in range(12)]
    return [rng.gauss(4.0 if flag else -4.0, 4.0) for flag in relevant], relevant


def main() -> None:
    """Fits on 200 queries, then counts on 2000 others how many relevant passages the guarantee costs."""
    rng = random.Random(7)
    tuning = [labelled_query(rng) for _ in range(200)]

    calibrator = Calibrator("platt").fit(
        [score for scores, _ in tuning for score in scores], [flag for _, flags in tuning for flag in flags]
    )
    if (report := calibrator.report) and report.ece_after is not None:
        print(f"calibration error {report.ece_before:.3f}, after calibration {report.ece_after:.3f}")

    policy = RecallGuarantee(alpha=ALPHA).fit([(calibrator.probabilities(scores), flags) for scores, flags in tuning])
    policy.save("guarantee.json")
    print(f"keeps what is likelier than {policy.threshold:.3f}")

    select = AdaptiveTopK(policy=RecallGuarantee.load("guarantee.json"))
    lost, kept = [], []
    for scores, flags in (labelled_query(rng) for _ in range(2000)):
        nodes = [
            NodeWithScore(node=TextNode(text=str(flag)), score=probability)
            for flag, probability in zip(flags, calibrator.probabilities(scores), strict=True)
        ]
        chosen = select.postprocess_nodes(nodes)
        kept.append(len(chosen))
        if any(flags):
            lost.append(1 - sum(node.text == "True" for node in chosen) / sum(flags))
    print(f"relevant passages lost: {sum(lost) / len(lost):.1%}, promised at most {ALPHA:.0%}")
    print(f"passages kept: {sum(kept) / len(kept):.1f} of 12")


if __name__ == "__main__":
    main()
