"""Whether a file is what was asked for: numerics, operators, int8."""
