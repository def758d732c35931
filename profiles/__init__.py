"""Reference profiles: read-only measured data; what a user measures goes to a folder of theirs."""
