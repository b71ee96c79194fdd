"""Whether a sentence says no more than that there is no answer. By rules of English, without a model."""

import re

_LONGEST = 300  # characters; a sentence that is longer says something
_TAIL = 12  # words behind "the passages do not mention": what is asked about, and no story

_GIVEN = r"(?:provided|given|retrieved|supplied|above|available|following|relevant)"
_NOUN = (
    r"(?:contexts?|passages?|documents?|documentation|sources?|texts?|information|excerpts?|materials?|snippets?|data"
    r"|articles?|images?|pictures?|search results|results|evidence)"
)
_BEHIND = r"(?:provided|given|above|supplied|retrieved|available|at hand|i have|i was given|you gave|you provided)"
NAMED = rf"(?:(?:the|these|this|those|your) )?(?:{_GIVEN} )*(?:(?:context|search|source) )?{_NOUN}(?: {_BEHIND})?"
"""How an answer names what it rests on, in small letters, where the words before it leave no other reading."""
# Where they do: "the materials do not contain asbestos" is said of the materials.
_SOURCES = (
    rf"(?:(?:(?:the|these|this|those|your|any of the) )?(?:{_GIVEN} )+(?:context |search |source )?{_NOUN}"
    rf"(?: {_BEHIND})?"
    rf"|(?:the|these|this|those|your) (?:context |search |source )?{_NOUN} {_BEHIND}"
    r"|(?:the|these|this) (?:contexts?|passages?|sources?|excerpts?|snippets?|search results)(?: information)?)"
)
# What speaks, without more: a document mentions, but materials and data contain.
_SPEAKING = r"(?:the|this|these) (?:documents?|texts?|articles?)"
_ANSWER = (
    r"(?:(?:an?|any|the|that|this|such|more|much|enough|sufficient|specific|relevant|further|exact|direct|clear|detailed"
    r"|necessary|required|requested) ){0,3}"
    r"(?:answers?|information|details?|mention|references?|evidence|data|context|explanation|description|indication)\b"
)
_NOT = r"(?:does not|doesn't|do not|don't|did not|didn't)(?: (?:actually|explicitly|directly|clearly|seem to))?"
_TELLS = r"(?:mention|say|state|specify|indicate|tell|discuss|address|answer|reveal|clarify)\b"
_HOLDS = rf"(?:contain|provide|include|give|offer|have|cover) {_ANSWER}"
_WORDS = rf"(?: [^\s]+){{0,{_TAIL}}}"
_FROM = rf"(?:,? (?:from|in|within|based on|using|with|by|according to) {NAMED})"
_OF_IT = (
    rf"(?: (?:about|on|regarding|concerning|as to|to (?:answer|determine|say|tell)){_WORDS}"
    r"| available| provided| given)?"
)
_AM_NOT = r"(?:i am|i'm|we are|we're) (?:not able to|unable to)"
_CAN_NOT = r"(?:cannot|can not|can't|could not|couldn't|will not|won't|was not able to|was unable to)"

_FORMS = (
    rf"{_SOURCES} {_NOT} (?:{_TELLS}|{_HOLDS}){_WORDS}",
    rf"{_SPEAKING} {_NOT} (?:{_TELLS}|{_HOLDS}){_WORDS}",
    rf"{_SOURCES} (?:is not|isn't|are not|aren't) (?:sufficient|enough)(?: to (?:answer|determine|say|tell){_WORDS})?",
    # Of oneself. "We cannot determine" may be said of others, whoever answers is one.
    rf"(?:i (?:simply )?{_CAN_NOT}|i(?: am|'m) (?:not able to|unable to)|unable to|{_CAN_NOT})"
    rf" (?:answer|determine|verify|confirm|find|say(?! enough)|tell)\b{_WORDS}",
    rf"(?:i (?:simply )?{_CAN_NOT}|{_AM_NOT}|unable to|{_CAN_NOT}) (?:provide|give|offer|share) {_ANSWER}{_WORDS}",
    rf"(?:(?:i|we) {_CAN_NOT}|{_AM_NOT}|unable to|{_CAN_NOT}) (?:answer|help|assist|comply)"
    r"(?: (?:you|me))?(?: (?:with|to))?"
    rf"(?: (?:(?:this|that|it|your|the)(?: (?:question|request|one))?))?{_FROM}?",
    r"(?:i|we) (?:do not|don't)(?: actually| currently| really)? know"
    r"(?:(?: for sure)?| (?:(?:the|this|that|what|when|where|who|whom|whose|why|how|which|if|whether|enough)\b)"
    rf"{_WORDS})",
    rf"i (?:do not|don't|did not|didn't)(?: actually| currently| really)? (?:have|see|find)(?: access to)? {_ANSWER}"
    rf"{_WORDS}",
    # Of the question.
    rf"(?:the |this |your )?(?:question|answer) {_CAN_NOT} be (?:answered|determined|found|inferred|given){_FROM}?",
    rf"(?:this|that|it) (?:cannot|can't|can not|could not) be (?:answered|determined|inferred){_FROM}?",
    r"it (?:is|'s|would be) (?:not |im)possible (?:for me )?to (?:answer|say|tell|determine)"
    rf"(?: (?:this|that|it|your question|the question))?{_FROM}?",
    # Of what there is. "There is no information desk" is said of a desk.
    rf"there (?:is|was|are) (?:no|not any|not enough|insufficient)(?: (?!that\b)[\w-]+){{0,2}}"
    rf" (?:information|details?|mention)"
    rf"(?: of{_WORDS}|{_OF_IT}){_FROM}?",
    r"there (?:is|was) no (?:clear |direct )?answer"
    rf"(?: (?:to|for) (?:it|(?:this|that|your|the)(?: question)?))?{_FROM}?",
    rf"(?:not enough|insufficient|no|no relevant|no sufficient) (?:information|context|evidence|details)"
    rf"(?:{_FROM}|(?: is| was)? (?:available|provided|given|found)| to (?:answer|say|determine){_WORDS})?",
    r"(?:no|without an?) answer(?: (?:was |is |can be |could be )?(?:found|possible|available))?",
)
_ALONE = re.compile(
    r"unanswerable|unknown|not known|n/a|not available|not stated|not specified|not mentioned|empty response"
)
_OPENING = re.compile(
    r"(?:(?:unfortunately|however|(?:i am|i'm) (?:so |very |really |\w+ )?sorry|sorry|my apologies),? (?:but )?)?"
    rf"(?:(?:based on|according to|from|in|given) {NAMED},? )?"
)
_ABSTAINS = re.compile("|".join(f"(?:{form})" for form in _FORMS))
# Behind one of these stands what is said after all; so it does behind "that", but for "answer that from the passages".
_TURN = re.compile(
    r"\b(?:but|however|although|though|while|whereas|yet|except|still|nevertheless|because|so)\b|[;:]|[.!?] "
    rf"|\bthat (?!(?:(?:question|information|answer|request)\b)?{_FROM.replace(',? ', ' ?')}?$)"
)
_MARKUP = re.compile(r"[*_`]")
_WORD = re.compile(r"[^\W_]+")


def abstains(sentence: str, question: str = "") -> bool:
    """Whether a sentence says no more than that its writer, or the passages, have no answer.

    For whoever lets such a sentence pass unchecked, and so stricter than ``tamis.models.refusal.answer_class``, which
    counts refusals. It is said of the sources by a name that means them ("the passages", "the given documents"), of
    the question, or by "I"; what follows is short, without a clause that states something. A number or a name (a word
    with a capital letter behind the first) must stand in the ``question``: nothing new may be said on the way.

    >>> abstains("The context does not mention the price."), abstains("It costs ten euros.")
    (True, False)
    >>> abstains("The context does not mention it, but it costs ten euros."), abstains("We cannot pay after 30 days.")
    (False, False)
    >>> abstains("I cannot say when Curie died."), abstains("I cannot say when Curie died.", "When did Curie die?")
    (False, True)
    """
    if len(sentence) > 2 * _LONGEST:
        return False
    written = " ".join(_MARKUP.sub("", sentence).replace("’", "'").split()).strip(" \"'_.!")
    plain = written.casefold()
    if not plain or len(plain) > _LONGEST:
        return False
    if _ALONE.fullmatch(plain):
        return True
    start = _OPENING.match(plain)
    body = plain[start.end() :] if start else plain
    if not _ABSTAINS.fullmatch(body) or _TURN.search(body):
        return False
    known = set(_WORD.findall(question.casefold()))
    return all(word.casefold() in known for word in _WORD.findall(written)[1:] if _is_new(word))


def _is_new(word: str) -> bool:
    """Whether a word is a number or may be a name."""
    return word[0].isdigit() or (word[0].isupper() and word != "I")
