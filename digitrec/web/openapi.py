"""The OpenAPI document of the web server's API."""

from typing import Any

from digitrec import __version__

_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}

_DIGIT = {
    "type": "object",
    "required": ["digit", "confidence", "probabilities", "box", "line", "position"],
    "additionalProperties": False,
    "properties": {
        "digit": {"enum": [*"0123456789?"], "description": "? for a mark, or below the threshold"},
        "confidence": {**_PROBABILITY, "description": "that it is a digit, and this one"},
        "probabilities": {"type": "array", "items": _PROBABILITY, "minItems": 10, "maxItems": 10},
        "box": {
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 4,
            "maxItems": 4,
            "description": "x, y, width and height in pixels of the picture",
        },
        "line": {"type": "integer", "minimum": 0},
        "position": {"type": "integer", "minimum": 0, "description": "in its line"},
        "image": {"type": "string", "description": "28x28 pixels, as the data URL of a PNG file"},
    },
}

_READING = {
    "type": "object",
    "required": ["text", "confidence", "digits"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "description": "one line of the picture per line"},
        "confidence": {**_PROBABILITY, "description": "the lowest of all digits; 0 without any"},
        "digits": {"type": "array", "items": {"$ref": "#/components/schemas/Digit"}},
    },
}

_ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {"error": {"type": "string", "description": "a sentence"}},
}

_ERRORS = {
    "400": "An option is wrong, or the picture is incomplete, or the form has no file",
    "403": "The host name is not allowed, or a page of another site has sent the picture",
    "408": "The picture took too long to arrive",
    "413": "The picture has too many bytes",
    "422": "The picture cannot be read",
    "503": "Too many pictures are waiting",
}


def document(root_path: str = "") -> dict[str, Any]:
    """Return the document, for a server below a path."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "digitrec", "version": __version__, "summary": "Reads handwritten digits."},
        "servers": [{"url": root_path or "/"}],
        "paths": {
            "/predict": {"post": _predict()},
            "/healthz": {"get": _get("Say that the server runs", "Health", {"const": "ok"})},
            "/openapi.json": {"get": _get("Describe the API", "This document", {})},
        },
        "components": {"schemas": {"Digit": _DIGIT, "Reading": _READING, "Error": _ERROR}},
    }


def _predict() -> dict[str, Any]:
    picture = {"schema": {"type": "string", "format": "binary"}}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
    }
    return {
        "operationId": "predict",
        "summary": "Read the digits in a picture",
        "parameters": [
            _option("threshold", _PROBABILITY, "digits of lower confidence are ?; default: of the weights"),
            _option("images", {"enum": [0, 1]}, "1 adds the image of each digit"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": picture,
                "application/octet-stream": picture,
                "multipart/form-data": {"schema": form},
            },
        },
        "responses": {
            "200": _response("The digits in reading order", {"$ref": "#/components/schemas/Reading"}),
            **{
                status: _response(text, {"$ref": "#/components/schemas/Error"})
                for status, text in _ERRORS.items()
            },
        },
    }


def _option(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": text}


def _get(summary: str, text: str, status: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", **({"properties": {"status": status}} if status else {})}
    refused = {"$ref": "#/components/schemas/Error"}
    return {
        "summary": summary,
        "responses": {"200": _response(text, schema), "403": _response(_ERRORS["403"], refused)},
    }


def _response(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
