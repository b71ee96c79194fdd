"""LlamaIndex pipelines as targets. The one part of the laboratory that knows LlamaIndex."""
