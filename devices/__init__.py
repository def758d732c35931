"""Device descriptions: one TOML file each; `edgenas devices` lists them."""
