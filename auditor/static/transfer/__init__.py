"""What calls do: functions, methods, modules, containers, files."""
