"""Gates: their grammar, and that only enough data on the right side pass."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.eval.report.gates import Gate, Operand, Sample, check, parse


@dataclass
class Said:
    """What a run measured, as the test says it."""

    samples: dict[Operand, Sample] = field(default_factory=dict)
    differences: dict[tuple[Operand, Operand], Sample] = field(default_factory=dict)
    confidence: float = 0.95
    asked: list[float] = field(default_factory=list)

    def variants_of(self, variant: str) -> list[str]:
        known = dict.fromkeys([*(one.variant for one in self.samples), *(a.variant for a, _ in self.differences)])
        known |= dict.fromkeys(b.variant for _, b in self.differences)
        name, control, _ = variant.partition("~control")
        found = [variant] if variant in known else []
        found += [key for key in known if key.startswith(f"{name}@") and key.endswith("~control") == bool(control)]
        if not found:
            raise BadInput(f'no variant "{variant}"')
        return found

    def sample(self, figure: str, variant: str, confidence: float) -> Sample:
        self.asked.append(confidence)
        return self.samples[Operand(figure, variant)]

    def difference(self, left: Operand, right: Operand, confidence: float) -> Sample:
        self.asked.append(confidence)
        return self.differences[left, right]


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        (
            "attack_success.poison < 0.1 at 95%",
            Gate("", Operand("attack_success", "poison"), None, "<", 0.1, 0.95),
        ),
        ("nDCG@10.clean>=.5", Gate("", Operand("nDCG@10", "clean"), None, ">=", 0.5)),
        (
            "nDCG@10 [retrieve].poison@0.5 >= 1e-1 at 99.9% on 80%",
            Gate("", Operand("nDCG@10 [retrieve]", "poison@0.5"), None, ">=", 0.1, 0.999, 0.8),
        ),
        ("RBP(p=0.8)@10.clean > 0.3", Gate("", Operand("RBP(p=0.8)@10", "clean"), None, ">", 0.3)),
        ("nDCG@10 [app.Step].clean > 0.3", Gate("", Operand("nDCG@10 [app.Step]", "clean"), None, ">", 0.3)),
        (
            "attack_success.poison@5 - attack_success.poison@5~control < 0.05 at 95%",
            Gate(
                "",
                Operand("attack_success", "poison@5"),
                Operand("attack_success", "poison@5~control"),
                "<",
                0.05,
                0.95,
            ),
        ),
        (
            "delta answer_f1.poison+typos > -0.05 at 90%",
            Gate("", Operand("answer_f1", "poison+typos"), Operand("answer_f1", "clean"), ">", -0.05, 0.9),
        ),
        ("exposure.on-topic <= 2", Gate("", Operand("exposure", "on-topic"), None, "<=", 2.0)),
    ],
)
def test_a_gate_is_read(text: str, gate: Gate) -> None:
    read = parse(text)
    assert read.text == text
    assert vars(read) | {"text": ""} == vars(gate)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no comparison"),
        ("answer_f1.clean", "no comparison"),
        ("answer_f1.clean = 1", "no comparison"),
        ("answer_f1.clean > ", 'a number must follow ">"'),
        ("answer_f1.clean > much", r'a number must follow ">" \(place 18\)'),
        ("answer_f1.clean > 0.5 surely", r"after 0.5 only .* \(place 22\)"),
        ("answer_f1.clean > 0.5 at 95", "only"),
        ("answer_f1.clean > 0.5 at 100%", "between 0% and 100%"),
        ("answer_f1.clean > 0.5 at 0%", "between 0% and 100%"),
        ("answer_f1.clean > 0.5 on 120%", "between 0% and 100%"),
        ("answer_f1 > 0.5", "names no variant; write answer_f1.clean or .ATTACK"),
        ("answer_f1.Poison > 0.5", "names no variant"),
        (".clean > 0.5", "names no variant"),
        ("> 0.5", "no figure before the comparison"),
        ("a.clean - b.clean - c.clean > 0", "one difference"),
        ("delta a.clean > 0", "clean to clean"),
        ("delta a.poison - a.clean > 0", "already"),
    ],
)
def test_what_is_no_gate_is_refused_with_the_place(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        parse(text)


@given(st.text(st.sampled_from("ab.@~-+<>=0159 %deltaonclean[]"), max_size=40))
def test_any_text_is_a_gate_or_refused(text: str) -> None:
    try:
        gate = parse(text)
    except BadInput:
        return
    assert gate.operand.figure
    assert gate.operand.variant


@pytest.mark.parametrize(
    ("text", "sample", "verdict"),
    [
        ("f.clean < 0.1", Sample(0.05, 0.02, 0.09, 100, 100), "pass"),
        ("f.clean < 0.1", Sample(0.05, 0.02, 0.1, 100, 100), "not enough data"),
        ("f.clean <= 0.1", Sample(0.05, 0.02, 0.1, 100, 100), "pass"),
        ("f.clean < 0.1", Sample(0.2, 0.1, 0.3, 100, 100), "fail"),
        ("f.clean <= 0.1", Sample(0.2, 0.1, 0.3, 100, 100), "not enough data"),
        ("f.clean > 0.1", Sample(0.2, 0.11, 0.3, 100, 100), "pass"),
        ("f.clean >= 0.1", Sample(0.05, 0.0, 0.09, 100, 100), "fail"),
        # The value alone is on the right side, and says nothing.
        ("f.clean < 0.1", Sample(0.0, 0.0, 0.3, 10, 10), "not enough data"),
        ("f.clean < 0.1", Sample(0.0, 0.0, 0.01, 9, 9), "not enough data"),
        ("f.clean < 0.1", Sample(0.0, 0.0, 0.01, 400, 1000), "not enough data"),
        ("f.clean < 0.1 on 40%", Sample(0.0, 0.0, 0.01, 400, 1000), "pass"),
        ("f.clean < 0.1", Sample(0.0, None, None, 20, 20), "not enough data"),
        # Many items of few groups say as little as few items.
        ("f.clean < 0.1", Sample(0.0, 0.0, 0.01, 400, 400, 9), "not enough data"),
        ("f.clean < 0.1", Sample(0.0, 0.0, 0.01, 400, 400, 10), "pass"),
        ("f.clean < 0.1", Sample(None, None, None, 0, 20), "not enough data"),
    ],
)
def test_only_a_whole_interval_on_the_right_side_passes(text: str, sample: Sample, verdict: str) -> None:
    result = check(text, Said({Operand("f", "clean"): sample}))
    assert (result.verdict, result.n, result.gate) == (verdict, sample.n, text)
    assert result.reason.startswith("clean: ")


def test_the_gates_own_confidence_is_asked_for() -> None:
    said = Said({Operand("f", "clean"): Sample(0.05, 0.02, 0.09, 100, 100)})
    check("f.clean < 0.1 at 80%", said)
    check("f.clean < 0.1", said)
    assert said.asked == [0.8, 0.95]


def test_an_attack_means_each_of_its_strengths_and_the_worst_decides() -> None:
    weak, strong = Sample(0.01, 0.0, 0.05, 100, 100), Sample(0.3, 0.2, 0.4, 100, 100)
    said = Said({Operand("f", "poison@1"): weak, Operand("f", "poison@5"): strong})
    assert check("f.poison < 0.1", said).reason.startswith("poison@5: 0.3")
    assert check("f.poison < 0.1", said).verdict == "fail"
    assert check("f.poison < 0.5", said).value == 0.3
    assert check("f.poison@1 < 0.1", said).verdict == "pass"
    said.samples[Operand("f", "poison@5")] = Sample(0.0, 0.0, 0.01, 2, 100)
    assert check("f.poison < 0.1", said).verdict == "not enough data"


def test_a_difference_pairs_each_strength_with_its_control() -> None:
    left, right = [Operand("f", f"poison@{n}") for n in (1, 5)], [Operand("f", f"poison@{n}~control") for n in (1, 5)]
    low, high = Sample(0.0, -0.01, 0.01, 100, 100), Sample(0.2, 0.1, 0.3, 100, 100)
    said = Said(differences={(left[0], right[0]): low, (left[1], right[1]): high})
    assert check("f.poison - f.poison~control < 0.05", said).verdict == "fail"
    assert check("f.poison@1 - f.poison@1~control < 0.05", said).verdict == "pass"


def test_a_gate_on_what_the_run_does_not_have_does_not_pass() -> None:
    result = check("f.poison < 0.1", Said({Operand("f", "clean"): Sample(0.0, 0.0, 0.01, 100, 100)}))
    assert result.verdict == "not enough data"
    assert 'no variant "poison"' in result.reason
