"""An Animus provider for any OpenAI-compatible endpoint, with a bounded tool loop of its own."""
