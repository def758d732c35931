"""What is called from Python, and by the command line: `import edgenas` gives all of it. See docs/api.md."""
