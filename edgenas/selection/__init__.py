"""Selection: which network is taken. It knows no run folder."""
