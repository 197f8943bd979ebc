"""What asks for work without a person: schedules, and events that triggers report."""

__all__: list[str] = []
