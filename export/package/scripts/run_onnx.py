"""Classify an image with an exported ONNX network: python run_onnx.py FOLDER IMAGE_FILE [MODEL.onnx]

FOLDER is an artifacts folder, or a bundle's. Needs numpy, onnxruntime and pillow.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

folder, name = Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else ""
manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
artifact = next(artifact for artifact in manifest["artifacts"]
                if artifact["format"] == "onnx" and name in ("", artifact["path"]))
how = manifest["input"]["preprocessing"]

image = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGBA")
image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
image = ImageOps.fit(image.convert({"grey": "L", "RGB": "RGB"}[how["channels"]]), how["size"][::-1],
                     Image.Resampling.BILINEAR)
pixels = np.asarray(image, np.float32).reshape(*how["size"], -1)
pixels = (pixels * how["scale"] - np.float32(how["mean"])) / np.float32(how["std"])

network = onnxruntime.InferenceSession(folder / artifact["path"])
logits = network.run(None, {artifact["inputs"][0]["name"]: pixels.transpose(2, 0, 1)[None]})[0][0]
shares = np.exp(logits - logits.max())
label = "".join(letter if letter.isprintable() else "?" for letter in manifest["classes"][logits.argmax()])
print(label, f"{shares.max() / shares.sum():.4f}")
