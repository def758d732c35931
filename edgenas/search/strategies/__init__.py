"""One file per strategy, composed of relaxations and updates; the class is named STRATEGY in its file."""
