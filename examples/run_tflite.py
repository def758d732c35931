"""Classify an image with an exported TFLite network: python run_tflite.py ARTIFACTS_FOLDER IMAGE_FILE"""

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter  # on older boards: from tflite_runtime.interpreter
from PIL import Image, ImageOps

folder = Path(sys.argv[1])
manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
artifact = next(artifact for artifact in manifest["artifacts"] if artifact["format"] == "tflite")
how = manifest["input"]["preprocessing"]

image = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGBA")
image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
image = ImageOps.fit(image.convert({"grey": "L", "RGB": "RGB"}[how["channels"]]), how["size"][::-1],
                     Image.Resampling.BILINEAR)
pixels = np.asarray(image, np.float32).reshape(*how["size"], -1)
pixels = (pixels * how["scale"] - np.float32(how["mean"])) / np.float32(how["std"])

network = Interpreter(str(folder / artifact["path"])).get_signature_runner()
logits = network(**{artifact["inputs"][0]["name"]: pixels[None]})[artifact["outputs"][0]["name"]][0]
shares = np.exp(logits - logits.max())
print(manifest["classes"][logits.argmax()], f"{shares.max() / shares.sum():.4f}")
