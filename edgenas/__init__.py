"""edgenas: data, device and budget in; a trained network, measured within its budget on that device, out."""

__version__ = "0.1.0"
