"""One file per space: a function `network(input_shape, classes, **options)` whose result holds choices."""
