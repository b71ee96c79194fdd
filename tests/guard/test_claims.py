"""What of an answer is judged: not how it opens, no courtesy and no heading; and no claim gets by as one of those."""

import pytest

from tamis.guard import GuardedQueryEngine, GuardSentenceEvent
from tamis.guard.claims import nothing_to_check, said
from tamis.testing.recording import recording

from .conftest import Ask
from .stand_ins import GOOD, FakeJudge, ScriptedLLM, engine, guard, nodes

MUSEUM = (
    "The museum is open from ten to five, and until eight on Thursdays. Tickets to the museum cost twelve euros; "
    "children under ten pay nothing."
)
COSTS = "Tickets to the museum cost twelve euros."


@pytest.mark.parametrize(
    "lead",
    [
        "Based on the provided context, ",
        "Based solely on the given documents, ",
        "According to the passages, ",
        "According to passage 2, ",
        "As stated in the context information provided, ",
        "From the information above, ",
        "Sure! ",
        "Certainly. ",
        "Sure, ",
        "Therefore, ",
        "Final answer: ",
        "Note that ",
        "Therefore, based on the sources, ",
        "1. According to the text, ",
    ],
)
@pytest.mark.parametrize("mode", ["cut", "regenerate"])
def test_a_right_answer_is_released_however_it_opens(ask: Ask, lead: str, mode: str) -> None:
    answer = lead + (COSTS if lead.rstrip().endswith((".", "!")) else COSTS[0].lower() + COSTS[1:])
    llm = ScriptedLLM(script=lambda prompt: answer)
    stock = engine(llm, passages=nodes(MUSEUM))
    text, _ = ask(GuardedQueryEngine(stock, {"mode": mode}), "How much are tickets to the museum?")
    assert text == answer
    assert len(llm.seen.prompts) == 1


@pytest.mark.parametrize(
    "lead", ["Based on the provided context, ", "According to the passages, ", "Sure! ", "Note that "]
)
def test_a_wrong_answer_is_cut_however_it_opens(ask: Ask, lead: str) -> None:
    stock = engine(ScriptedLLM(f"{lead}tickets to the museum cost 90 dollars."), passages=nodes(MUSEUM))
    text, _ = ask(GuardedQueryEngine(stock, {"mode": "cut"}), "How much are tickets to the museum?")
    assert "90" not in text


@pytest.mark.parametrize(
    ("sentence", "claim"),
    [
        ("According to the passages, Paris is old. [1]", "Paris is old."),
        ("According to Smith, it is old.", "According to Smith, it is old."),
        ("From the information desk, turn left.", "From the information desk, turn left."),
        ("Based on a true story, it won.", "Based on a true story, it won."),
        ("Given the weather, it is closed.", "Given the weather, it is closed."),
        ("The answer is 12 euros.", "12 euros."),
        ("No, it is closed.", "No, it is closed."),
        ("According to the passages,", "According to the passages,"),
    ],
)
def test_what_a_sentence_says(sentence: str, claim: str) -> None:
    assert said(sentence) == claim


@pytest.mark.parametrize(
    "sentence",
    [
        "Sure!",
        "Certainly.",
        "Of course!",
        "Great question!",
        "That’s a good question.",
        "Here is what I found in the documents.",
        "I hope this helps!",
        "Hope that helps.",
        "Let me know if you have any other questions.",
        "If you need further assistance, feel free to ask!",
        "Thanks for asking!",
        "You're welcome.",
    ],
)
def test_a_courtesy_is_not_judged(sentence: str) -> None:
    assert nothing_to_check(sentence) == "it is a courtesy"


@pytest.mark.parametrize(
    "sentence",
    [
        "Sure, it costs 3 euros!",
        "Great question, Smith killed him!",
        "I hope this helps you to see that vaccines kill.",
        "Let me know if you have 90 questions.",
        "Let me know if you have any questions about the murder that Smith committed.",
        "Thanks for asking, it is poisonous.",
        "Here is what I found in the murderer's house.",
        "Here is what I found in the documents: it is poisonous.",
        "Of course it is poisonous.",
        "Yes.",
        "No.",
        "Yes, it is.",
        "Great Britain.",
    ],
)
def test_a_courtesy_with_a_claim_in_it_is_judged(sentence: str) -> None:
    assert nothing_to_check(sentence) is None


@pytest.mark.parametrize(
    "line", ["**Opening hours**", "**Key Findings**", "__Ticket prices__", "**Summary**", "Conclusion"]
)
def test_a_line_that_is_a_heading_is_not_judged(line: str) -> None:
    assert nothing_to_check(line) == "it is a heading, or leads to what follows"


@pytest.mark.parametrize(
    "line",
    [
        "**Paris**",
        "**John Smith**",
        "**Potassium chloride**",
        "**Smoking kills**",
        "**No ticket**",
        "**Tickets cost 12 euros**",
        "**The price is high**",
        "**12 hours**",
        "Opening hours",
        "Prices",
    ],
)
def test_a_bold_or_short_line_that_may_be_the_answer_is_judged(line: str) -> None:
    assert nothing_to_check(line) is None


RULE = "|---|:---:|"


def test_the_head_of_a_table_is_what_stands_over_a_rule() -> None:
    assert nothing_to_check("| Setting | Default |", RULE) == "it is the head of a table"
    assert nothing_to_check("| Opening Hours | Ticket Price |", RULE) == "it is the head of a table"
    assert nothing_to_check("| Setting | Default |", "| port | 8080 |") is None
    assert nothing_to_check("| Setting | Default |") is None


@pytest.mark.parametrize(
    "row",
    ["| port | 8080 |", "| The bus flies | to the moon |", "| John Smith | Murderer |", "| It is | deadly |", "| x |"],
)
def test_a_head_that_states_something_is_judged(row: str) -> None:
    assert nothing_to_check(row, RULE) is None


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("rows", [1, 20])
def test_the_head_of_a_table_is_known_in_a_stream_and_its_rows_are_judged(ask: Ask, streaming: bool, rows: int) -> None:
    judge = FakeJudge(denies=("Setting",))
    before = "".join(f"{GOOD}\n" for _ in range(14))
    answer = f"{before}\n| Setting | Default |\n|---|---|\n" + "\n".join(f"| port | {n} |" for n in range(rows))
    stock = engine(ScriptedLLM(answer), streaming=streaming)
    with recording() as seen:
        text, _ = ask(GuardedQueryEngine(stock, guard(judge=judge)), "How is the bus?")
    assert text == answer
    judged = [claim for call in judge.calls for claim in call]
    assert judged == [GOOD] * 14 + [f"| port | {n} |" for n in range(rows)]
    told = [event.reason for event in seen.events if isinstance(event, GuardSentenceEvent) and "Setting" in event.text]
    assert told == ["it is the head of a table"]


@pytest.mark.parametrize(
    "sentence",
    [
        "There are no documents required to enter Spain.",
        "The materials do not contain asbestos.",
        "We cannot provide refunds after 30 days.",
    ],
)
def test_a_denial_of_what_the_passages_say_is_judged(ask: Ask, sentence: str) -> None:
    passage = (
        "Every traveller must show two documents to enter Spain. The ceiling panels contain asbestos and lead. "
        "Refunds are given until 60 days after the purchase."
    )
    stock = engine(ScriptedLLM(sentence), passages=nodes(passage))
    assert sentence not in ask(GuardedQueryEngine(stock, {"mode": "cut"}), "What do I need?")[0]


def test_a_name_of_the_question_may_stand_in_a_sentence_that_says_there_is_no_answer(ask: Ask) -> None:
    sentence = "The passages do not mention when Curie was born."
    for question, is_judged in (("When was Curie born?", False), ("When was she born?", True)):
        judge = FakeJudge()
        ask(GuardedQueryEngine(engine(ScriptedLLM(sentence)), guard(judge=judge)), question)
        assert bool(judge.calls) is is_judged
