"""An observer that shows the runs of a daemon as OpenTelemetry traces, metrics and logs."""
