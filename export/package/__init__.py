"""What goes with files: manifest, bundle, what they say of themselves."""
