"""Picture files: which are meant, whether they can be read, and decoding them to gray pages."""
