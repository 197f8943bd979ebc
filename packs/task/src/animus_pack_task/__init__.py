"""The pack `animus.task`: data only. The host reads ``pack.toml`` next to this file and never imports the package."""
