"""An index that you have already, with one line changed: look-alikes go, what answers stays, or nothing does.

Prints:

    How much is a ticket?
      stock    ['Tickets cost twelve euro', 'The museum is open from ', 'The museum shop is open ']
      hardened ['Tickets cost twelve euro']
    Who designed the lifts?
      stock    ['The museum was opened in', 'The museum shop is open ', 'The museum is open from ']
      hardened []
"""

from llama_index.core import Document, VectorStoreIndex

from tamis.pipeline import harden
from tamis.retrievers import TamisEmbedding

PASSAGES = (
    "The museum is open from ten to five, and until eight on Thursdays.",
    "The museum shop is open from ten to six.",
    "The museum was opened in 1911 by the mayor of the city.",
    "Tickets cost twelve euros; children under ten pay nothing.",
    "Dogs must stay outside, except guide dogs.",
    "The library next door is open from nine to seven.",
)


def main() -> None:
    """Asks the index as it comes, then hardened: the same questions, the same passages."""
    documents = [Document(text=passage) for passage in PASSAGES]
    index = VectorStoreIndex.from_documents(documents, embed_model=TamisEmbedding())
    stock = index.as_retriever(similarity_top_k=3)
    engine = harden(index)  # was: index.as_query_engine(); with an llm= it writes answers as well

    for question in ("How much is a ticket?", "Who designed the lifts?"):
        print(question)
        print("  stock   ", [node.text[:24] for node in stock.retrieve(question)])
        print("  hardened", [node.text[:24] for node in engine.query(question).source_nodes])


if __name__ == "__main__":
    main()
