"""The language server: what an editor asks, answered by the driver that the commands use. `mlspec lsp` starts it; it needs the extra `lsp`."""
