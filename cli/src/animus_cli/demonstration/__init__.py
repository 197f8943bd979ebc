"""``animus demo``: a real project, a real daemon and a scripted agent, in a folder that is gone afterwards."""

__all__: list[str] = []
