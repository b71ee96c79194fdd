"""Images beside text in one store: found by what their captions say, given back as images.

Prints:

    photo of a boat: boat, 1 image, found by bm25, dense
    tram crossing a bridge: tram, 1 image, found by bm25, dense
"""

import io

from llama_index.core.schema import BaseNode
from PIL import Image as Picture

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.nodes import content_of, evidence_of, node_of
from tamis.retrievers import Store


def picture(colour: str) -> Image:
    """A small picture, as bytes: what is here already needs nobody's permission to be read."""
    written = io.BytesIO()
    Picture.new("RGB", (32, 32), colour).save(written, "PNG")
    return Image(data=written.getvalue())


def main() -> None:
    """Stores two pictures with captions and a text, then asks in words."""
    nodes: list[BaseNode] = [
        node_of(Content("A red fishing boat in the old harbour.", (picture("red"),)), id="boat"),
        node_of(Content("A green tram on the bridge.", (picture("green"),)), id="tram"),
        node_of(Content("Boats may stay in the harbour for two nights."), id="rules"),
    ]
    with Store.open("store", create=True) as store:
        store.add(nodes)
        for question in ("photo of a boat", "tram crossing a bridge"):
            best = store.retriever(similarity_top_k=2).retrieve(question)[0]
            images = content_of(best).images
            print(f"{question}: {best.node_id}, {len(images)} image, found by {', '.join(sorted(evidence_of(best)))}")


if __name__ == "__main__":
    main()
