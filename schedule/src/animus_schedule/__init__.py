"""When a schedule fires: cron times, time zones, active hours and what to do about missed times."""
