from types import SimpleNamespace


def get_pretrained_cfg(name, allow_unregistered=True):
    if name != "little":
        raise RuntimeError(f"Model architecture ({name}) has no pretrained cfg registered.")
    return SimpleNamespace(to_dict=lambda: {
        "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "input_size": (3, 24, 24), "license": "mit",
        "hf_hub_id": "timm/little", "origin_url": "https://example.org", "fixed_input_size": False})
