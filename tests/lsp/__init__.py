"""The language server, asked by a real client over its standard input and output."""
