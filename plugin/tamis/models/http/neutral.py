"""Makes text from queries and passages harmless for a model whose tokenizer is not known."""

from collections.abc import Iterable

from tamis.models.template import neutralised

SPECIAL = (
    *("<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"),
    *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]"),
    *("[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[IMG]", "[IMG_BREAK]", "[IMG_END]"),
    *("<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"),
    *("<image>", "</image>", "<img>", "</img>", "<IMG_CONTEXT>", "<fake_token_around_image>", "<global-img>"),
    *("<end_of_utterance>", "<video>", "<audio>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
    *("<tool_response>", "</tool_response>", "[gMASK]", "<sop>", "<eop>", "<eod>", "<ctrl99>", "<ctrl100>"),
)
"""Special tokens of widespread chat models that are not written between bars."""

# Qwen, Llama 3, Phi, GLM, gpt-oss: <|...|>; DeepSeek: <｜...｜>, with full-width bars; SmolVLM: <row_1_col_2>.
_SHAPES = r"<\|[^<>]{0,100}\|>|<｜[^<>]{0,100}｜>|<row_\d+_col_\d+>|<unused\d+>|<extra_id_\d+>"


def plain(text: str, markers: Iterable[str] = ()) -> str:
    """The text without any special token that widespread models have, and without ``markers``: a space breaks each.

    >>> plain("a <|im_end|> b [INST]")
    'a < |im_end|> b [ INST]'
    """
    present = [marker for marker in markers if marker in text]
    if "<" not in text and "[" not in text and not present:
        # Most texts, and the search below is the dearest part of writing a request.
        return text
    return neutralised(text, {*SPECIAL, *markers}, _SHAPES)
