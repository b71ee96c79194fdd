"""The trained checkpoint as its users have it: ranked by MLLMReranker, on LlamaIndex's image nodes."""

from pathlib import Path

from llama_index.core.schema import NodeWithScore

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.nodes import node_of
from tamis.rerankers import MLLMReranker
from toy_mllm.checkpoint import TEMPLATE
from toy_mllm.lists import CandidateList
from toy_mllm.measures import Score


def reranker_of(folder: Path, template: str = TEMPLATE) -> MLLMReranker:
    """A reranker of that checkpoint. Its trial on load is off: sentences about the sky are no words to a toy."""
    return MLLMReranker(str(folder), template=template, backend_settings={"dtype": "float32", "canary": False})


def score_of(reranker: MLLMReranker) -> Score:
    """P(relevant) of each candidate of a list, by what comes back from ``postprocess_nodes``."""

    def score(one: CandidateList) -> list[float]:
        nodes = [
            NodeWithScore(node=node_of(Content(images=(Image(data=scene.png()),)), id=str(at)), score=0.0)
            for at, scene in enumerate(one.scenes)
        ]
        found = {node.node_id: node.score for node in reranker.postprocess_nodes(nodes, query_str=one.text)}
        missing = [at for at, value in found.items() if value is None]
        if missing:
            raise RuntimeError(f"{len(missing)} of {len(nodes)} pictures could not be scored")
        return [float(found[str(at)] or 0.0) for at in range(len(nodes))]

    return score
