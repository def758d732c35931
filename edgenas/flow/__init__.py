"""The whole flow, phase by phase, and the folder that it leaves behind."""
