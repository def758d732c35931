"""TVM Relax programs: kernels, schedules, tuning."""
