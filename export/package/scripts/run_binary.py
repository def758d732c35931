"""Classify an image with an exported stand-alone program: python run_binary.py FOLDER IMAGE_FILE [MODEL.bin]

FOLDER is an artifacts folder, or a bundle's. Needs numpy and pillow, for the image.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

folder, name = Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else ""
manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
artifact = next(artifact for artifact in manifest["artifacts"]
                if artifact["format"] == "binary" and name in ("", artifact["path"]))
how = manifest["input"]["preprocessing"]

image = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGBA")
image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
image = ImageOps.fit(image.convert({"grey": "L", "RGB": "RGB"}[how["channels"]]), how["size"][::-1],
                     Image.Resampling.BILINEAR)
pixels = np.asarray(image, np.float32).reshape(*how["size"], -1)
pixels = (pixels * how["scale"] - np.float32(how["mean"])) / np.float32(how["std"])

given = np.ascontiguousarray(pixels.transpose(2, 0, 1), "<f4").tobytes()
done = subprocess.run([(folder / artifact["path"]).absolute()], input=given, capture_output=True, check=True)
logits = np.float32(json.loads(done.stdout)["logits"])
shares = np.exp(logits - logits.max())
label = "".join(letter if letter.isprintable() else "?" for letter in manifest["classes"][logits.argmax()])
print(label, f"{shares.max() / shares.sum():.4f}")
