"""The flavor `default`: data only. The host reads ``flavor.toml`` next to this file and never imports the package."""
