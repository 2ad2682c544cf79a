"""Public pictures of handwritten digits: which repositories hold them, and how each picture is labeled."""
