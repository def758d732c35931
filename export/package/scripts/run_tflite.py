"""Classify an image with an exported TFLite network: python run_tflite.py FOLDER IMAGE_FILE [MODEL.tflite]

FOLDER is an artifacts folder, or a bundle's. Needs numpy, ai-edge-litert and pillow.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter  # on older boards: from tflite_runtime.interpreter
from PIL import Image, ImageOps

folder, name = Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else ""
manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
artifact = next(artifact for artifact in manifest["artifacts"]
                if artifact["format"] == "tflite" and name in ("", artifact["path"]))
how = manifest["input"]["preprocessing"]

image = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGBA")
image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
image = ImageOps.fit(image.convert({"grey": "L", "RGB": "RGB"}[how["channels"]]), how["size"][::-1],
                     Image.Resampling.BILINEAR)
pixels = np.asarray(image, np.float32).reshape(*how["size"], -1)
pixels = (pixels * how["scale"] - np.float32(how["mean"])) / np.float32(how["std"])

network = Interpreter(str(folder / artifact["path"])).get_signature_runner()
given, made = artifact["inputs"][0], artifact["outputs"][0]
if given["dtype"] == "int8":
    scale = given["quantisation"]
    pixels = np.rint(pixels / scale["scale"] + scale["zero_point"]).clip(-128, 127).astype(np.int8)
logits = network(**{given["name"]: pixels[None]})[made["name"]][0]
if made["dtype"] == "int8":
    scale = made["quantisation"]
    logits = (logits.astype(np.float32) - scale["zero_point"]) * np.float32(scale["scale"])
shares = np.exp(logits - logits.max())
label = "".join(letter if letter.isprintable() else "?" for letter in manifest["classes"][logits.argmax()])
print(label, f"{shares.max() / shares.sum():.4f}")
