from setuptools import setup

setup(
    name="edgenas-coin",
    version="0.1.0",
    packages=["edgenas_coin"],
    install_requires=["edgenas"],
    entry_points={
        "edgenas.strategies": ["coin = edgenas_coin.strategy"],
        "edgenas.spaces": ["tiny = edgenas_coin.space"],
        "edgenas.runtimes": ["onnxruntime_basic = edgenas_coin.run_onnxruntime_basic"],
        "edgenas.transports": ["patient = edgenas_coin.transport"],
        "edgenas.formats": ["onnx_packed = edgenas_coin.format"],
        "edgenas.sources": ["stripes = edgenas_coin.source"],
        "edgenas.starters": ["coin = edgenas_coin.starter"],
        "edgenas.commands": ["coin = edgenas_coin.command"],
        "edgenas.sections": ["coin = edgenas_coin.section"],
    },
)
