"""Sentences that say there is no answer, and denials that only look like them."""

import pytest

from tamis.models.no_answer import abstains


@pytest.mark.parametrize(
    "sentence",
    [
        "I don't know.",
        "I do not know the answer.",
        "I’m sorry, but I cannot answer that from the documents.",
        "The provided context does not contain the answer.",
        "The provided sources do not specify the opening hours on holidays.",
        "Unfortunately, the passages do not mention the price of a ticket.",
        "The documents do not mention the price.",
        "There is no information about this in the text.",
        "There is not enough information to answer the question.",
        "Based on the provided context, there is no information about parking.",
        "There is no mention of parking in the passages.",
        "This cannot be determined from the sources.",
        "The question cannot be answered from the passages.",
        "Based on the context provided, I could not find the date.",
        "Unfortunately, I cannot provide that information.",
        "I don't have information about that in the provided documents.",
        "Insufficient information in the documents.",
        "Empty Response",
        "N/A",
        "I'm so sorry, but we are not able to help with this.",
        "**The provided documents do not say.**",
    ],
)
def test_a_sentence_that_says_there_is_no_answer(sentence: str) -> None:
    assert abstains(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The bus is red.",
        "I don't know why, but it costs ten euros.",
        "The context does not mention it; it costs ten euros.",
        "The text does not mention it because it costs ten euros.",
        "Although the document does not say so, it costs ten euros.",
        "He said that he does not know.",
        "We cannot take back tickets after 30 days.",
        "We refuse refunds.",
        "Curie won the prize of 1903 and the context does not mention Pierre.",
        "I cannot stress enough that it costs ten euros.",
        "I don't know.\nIt costs ten euros.",
        "There is no train on Mondays.",
        "It cannot be eaten.",
        "I don't know. " * 40,
        "",
    ],
)
def test_a_sentence_that_says_something(sentence: str) -> None:
    assert not abstains(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The materials do not contain asbestos.",
        "There are no documents required to enter Spain.",
        "The data is not available in Europe.",
        "The texts do not include chapter four.",
        "We do not have access to the vault at night.",
        "There is no information desk at the station.",
        "The picture does not cover the wall.",
        "There is no data roaming fee in Norway.",
        "I don't know of any side effects of this drug.",
        "The medicine's sources do not contain peanuts.",
        "There is no answer key in the book.",
        "Cannot say enough good about the bus.",
        "This cannot be answered by anyone except the bus driver.",
        "We cannot provide refunds after a month.",
        "I cannot help you after dinner on some days.",
        "There is no text message fee.",
        "There are no pictures in the museum of modern art.",
        "The documents are not available to the public.",
        "There is no data on the disk.",
    ],
)
def test_a_denial_about_anything_but_the_sources_says_something(sentence: str) -> None:
    assert not abstains(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The passages do not mention that vaccines kill.",
        "It cannot be determined that he killed his wife.",
        "I cannot confirm that information was leaked.",
        "I cannot confirm that in the war he killed children.",
        "I cannot say that from the passages he is guilty.",
        "The context does not mention the price, the hours and the days on which it is open to all who live there.",
    ],
)
def test_what_hangs_on_to_it_says_something(sentence: str) -> None:
    assert not abstains(sentence)


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("The passages do not mention when Curie died.", "When did Curie die?"),
        ("The context does not say who won in 1903.", "Who won the prize in 1903?"),
        ("There is no information about Pfizer in the context.", "What did pfizer do?"),
    ],
)
def test_a_name_or_a_number_must_be_the_questions(sentence: str, question: str) -> None:
    assert abstains(sentence, question)
    assert not abstains(sentence)
    assert not abstains(sentence, "What happened?")
