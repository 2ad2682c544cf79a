"""The JSON of the API is that of ``digitrec read --json``."""

from digitrec.reading.serialization import as_json

__all__ = ["as_json"]
