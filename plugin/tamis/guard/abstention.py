"""Whether a sentence only says that there is no answer: what is not in the passages cannot be supported by them."""

import re

_SOURCES = (
    r"(?:context|passages?|documents?|sources?|texts?|information|evidence|excerpts?|materials?|snippets?|data|images?"
    r"|pictures?|articles?)"
)
_ABSTENTION = re.compile(
    rf"""
    (?: (?:unfortunately|(?:i\ am|i'm)\ (?:so\ |very\ )?sorry|sorry|(?:based\ on|according\ to|from)\ [^,.;]{{3,60}})
        ,?\ (?:but\ )? )?
    (?:
      (?:i|we)\ (?:do\ not|don't)\ (?:actually\ )?know\b .*
    | (?:i|we)\ (?:cannot|can't|can\ not|could\ not|couldn't|(?:am|are)\ (?:unable|not\ able)\ to)\ (?:\w+\ )?
      (?:answer|determine|find|say|tell|provide|help|verify|confirm)\b .*
    | (?:i|we)\ (?:do\ not|don't)\ (?:have|see|find)\ (?:\S+\ ){{0,6}}{_SOURCES}\b .*
    | (?:this|that|it|the\ question|the\ answer)\ (?:cannot|can't|could\ not)\ be\ (?:answered|determined|found)\b .*
    | (?:\S+\ ){{0,4}}{_SOURCES}\ (?:\w+\ ){{0,3}}(?:does|do|did)(?:\ not|n't)\ (?:\w+\ )?
      (?:contain|provide|mention|include|specify|state|say|give|answer|indicate|address|cover|tell|discuss)\b .*
    | there\ (?:is|was|are)\ (?:no|not\ any|not\ enough|insufficient)\ (?:\w+\ ){{0,3}}
      (?:{_SOURCES}|answer|mention)\b .*
    | empty\ response | unanswerable | no\ answer
    )
    """,
    re.VERBOSE,
)
# Behind one of these stands what is said after all.
_TURN = re.compile(r"\b(?:but|however|although|though|while|whereas|yet|except|still|nevertheless|because|so)\b|[;:]")
_OPENING = re.compile(r"^(?:unfortunately|i'm sorry|i am sorry|sorry),? but ")
_LONGEST = 300


def abstains(sentence: str) -> bool:
    """Whether a sentence says no more than that its writer, or the passages, have no answer. By rules of English.

    >>> abstains("The context does not mention the price."), abstains("It costs ten euros.")
    (True, False)
    >>> abstains("The context does not mention it, but it costs ten euros.")
    False
    """
    plain = " ".join(sentence.casefold().replace("’", "'").split()).strip(" \"'*_.!")
    if len(plain) > _LONGEST or not _ABSTENTION.fullmatch(plain):
        return False
    return not _TURN.search(_OPENING.sub("", plain))
