"""The systems that `peers.py` compares, each used as its own documentation shows, behind one protocol."""

# ruff: noqa: D102  (the verbs are described once, in Peer)

from __future__ import annotations

import asyncio
import hashlib
import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Embed = Callable[[list[str]], np.ndarray]  # n texts -> float32 (n, d), unit rows
Passage = tuple[str, str]  # id, text


class Peer(Protocol):
    """What a system must do to be compared; every text and question is embedded by the one `embed` given."""

    def open(self, folder: Path, embed: Embed) -> None:
        """Open the base in a folder, new or not."""

    def load(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        """Take many passages with their vectors at once, and save them."""

    def teach(self, key: str, text: str) -> None:
        """Add one text; under a known key, replace that key's text. On return a new process must find it."""

    def search(self, text: str, k: int) -> list[str]:
        """The k nearest texts, best first."""

    def delete(self, key: str) -> None:
        """Take one text out, by the documented call."""

    def close(self) -> None:
        """Save what is not saved yet and let go of the folder."""


class Given:
    """The embedder handed in, as Yukawa's own protocol has it; vectors known beforehand are not made again."""

    name = "minilm"  # what a new base writes down; the vectors are those of `embed`

    def __init__(self, embed: Embed) -> None:
        self.embed_all = embed
        self.known: dict[str, np.ndarray] = {}
        self.dimensions = embed(["any"]).shape[1]

    def embed(self, texts: Sequence[str], **_: object) -> np.ndarray:
        if all(text in self.known for text in texts):
            return np.array([self.known[text] for text in texts])
        return self.embed_all(list(texts))


class Yukawa:
    """This project's knowledge base; it gives out its own ids, so the adapter remembers which is whose."""

    def open(self, folder: Path, embed: Embed) -> None:
        from yukawa.knowledge import KnowledgeBase
        from yukawa.knowledge.search import serving

        self.given = Given(embed)
        serving.open_embedder = lambda _name: self.given  # type: ignore[attr-defined,assignment,misc]
        self.kb = KnowledgeBase.open(folder)
        self.ids: dict[str, str] = {}

    def load(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        from yukawa.knowledge import new_item

        self.given.known = {text: vector for (_, text), vector in zip(passages, vectors, strict=True)}
        # documents: what they state of a quantity is not compared with what others state, as no peer compares it
        given: dict[str, Any] = {"kind": "document", "source": "benchmark", "author": "benchmark"}
        items = self.kb.teach_many([new_item(text, **given) for _, text in passages])
        self.kb.save_index()
        self.ids = {key: item.id for (key, _), item in zip(passages, items, strict=True)}
        self.given.known = {}

    def teach(self, key: str, text: str) -> None:
        if key in self.ids:
            self.kb.update(self.ids[key], text)
        else:
            self.ids[key] = self.kb.teach(text, source="benchmark", author="benchmark").id

    def search(self, text: str, k: int) -> list[str]:
        return [hit.text for hit in self.kb.search(text, k=k)]

    def delete(self, key: str) -> None:
        self.kb.unload(self.ids.pop(key), actor="benchmark", reason="benchmark")

    def close(self) -> None:
        self.kb.close()


class Chroma:
    """PersistentClient, one collection, cosine, default HNSW; every call is saved by Chroma itself."""

    def open(self, folder: Path, embed: Embed) -> None:
        import chromadb

        self.embed = embed
        settings = chromadb.Settings(anonymized_telemetry=False)
        self.client = chromadb.PersistentClient(path=str(folder), settings=settings)
        self.collection = self.client.get_or_create_collection(
            "facts", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def load(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        step = self.client.get_max_batch_size()
        for start in range(0, len(passages), step):
            ids, texts = zip(*passages[start : start + step], strict=True)
            self.collection.add(
                ids=list(ids), documents=list(texts), embeddings=vectors[start : start + step]
            )

    def teach(self, key: str, text: str) -> None:
        self.collection.upsert(ids=[key], documents=[text], embeddings=self.embed([text]))

    def search(self, text: str, k: int) -> list[str]:
        found = self.collection.query(query_embeddings=self.embed([text]), n_results=k, include=["documents"])
        return list(found["documents"][0])

    def delete(self, key: str) -> None:
        self.collection.delete(ids=[key])

    def close(self) -> None:
        self.client.close()


class LlamaIndex:
    """VectorStoreIndex over the default SimpleVectorStore; saved by `persist()`, which rewrites JSON files.

    Args:
        save_each: persist after every write (durable), or only at close (writes live in memory until then).
    """

    def __init__(self, *, save_each: bool) -> None:
        self.save_each = save_each

    def open(self, folder: Path, embed: Embed) -> None:
        from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
        from llama_index.core.embeddings import BaseEmbedding

        class Same(BaseEmbedding):
            def _get_text_embedding(self, text: str) -> list[float]:
                return embed([text])[0].tolist()

            def _get_query_embedding(self, query: str) -> list[float]:
                return embed([query])[0].tolist()

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return embed([query])[0].tolist()

        self.folder = folder
        self.retriever: Any = None
        if (folder / "docstore.json").exists():
            storage = StorageContext.from_defaults(persist_dir=str(folder))
            self.index = load_index_from_storage(storage, embed_model=Same())
        else:
            self.index = VectorStoreIndex(nodes=[], embed_model=Same())

    def load(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

        nodes = []
        for (key, text), vector in zip(passages, vectors, strict=True):
            source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=key)}
            nodes.append(TextNode(text=text, embedding=vector.tolist(), relationships=source))
        self.index.insert_nodes(nodes)
        self._save(now=True)

    def teach(self, key: str, text: str) -> None:
        from llama_index.core import Document

        self.index.refresh_ref_docs([Document(text=text, id_=key)])  # inserts, or replaces a changed text
        self._save(now=self.save_each)

    def search(self, text: str, k: int) -> list[str]:
        # a retriever lists the nodes it may see when it is made, so every write calls for a new one
        if self.retriever is None:
            self.retriever = self.index.as_retriever(similarity_top_k=k)
        return [hit.node.get_content() for hit in self.retriever.retrieve(text)]

    def delete(self, key: str) -> None:
        self.index.delete_ref_doc(key, delete_from_docstore=True)
        self._save(now=self.save_each)

    def close(self) -> None:
        self._save(now=True)

    def _save(self, *, now: bool) -> None:
        self.retriever = None
        if now:
            self.index.storage_context.persist(persist_dir=str(self.folder))


class PaperQA:
    """`Docs` with its NumpyVectorStore; saved, as its README shows, by pickling the whole `Docs`.

    Args:
        save_each: pickle after every write (durable), or only at close (writes live in memory until then).
    """

    def __init__(self, *, save_each: bool) -> None:
        self.save_each = save_each

    def open(self, folder: Path, embed: Embed) -> None:
        os.environ["PQA_HOME"] = str(folder)
        from lmi import EmbeddingModel
        from paperqa import Docs, Settings

        class Same(EmbeddingModel):
            async def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return embed(texts).tolist()

        self.path = folder / "docs.pkl"
        self.docs = pickle.loads(self.path.read_bytes()) if self.path.exists() else Docs()
        self.model, self.settings = Same(name="same"), Settings()
        self.loop = asyncio.new_event_loop()

    def load(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        for (key, text), vector in zip(passages, vectors, strict=True):
            self._add(key, text, vector.tolist())
        self._save(now=True)

    def teach(self, key: str, text: str) -> None:
        # without this the old text stays beside the new one; deleting what is not there does nothing
        self.docs.delete(docname=key)
        self._add(key, text, None)
        self._save(now=self.save_each)

    def search(self, text: str, k: int) -> list[str]:
        found = self.docs.retrieve_texts(text, k, settings=self.settings, embedding_model=self.model)
        return [match.text for match in self.loop.run_until_complete(found)]

    def delete(self, key: str) -> None:
        self.docs.delete(docname=key)
        self._save(now=self.save_each)

    def close(self) -> None:
        self._save(now=True)

    def _add(self, key: str, text: str, vector: list[float] | None) -> None:
        from paperqa.types import Doc, Text

        # the dockey is the hash of the content, as PaperQA's own aadd() makes it; the docname is our id
        dockey = hashlib.md5(text.encode()).hexdigest()
        doc = Doc(docname=key, dockey=dockey, citation=key, content_hash=dockey)
        texts = [Text(text=text, name=key, doc=doc, embedding=vector)]
        self.loop.run_until_complete(
            self.docs.aadd_texts(texts, doc, settings=self.settings, embedding_model=self.model)
        )

    def _save(self, *, now: bool) -> None:
        if now:
            with open(self.path, "wb") as file:
                pickle.dump(self.docs, file)


SYSTEMS: dict[str, Callable[[], Peer]] = {
    "Yukawa": Yukawa,
    "Chroma": Chroma,
    "LlamaIndex": lambda: LlamaIndex(save_each=True),
    "LlamaIndex, saved at close": lambda: LlamaIndex(save_each=False),
    "PaperQA2": lambda: PaperQA(save_each=True),
    "PaperQA2, saved at close": lambda: PaperQA(save_each=False),
}
