"""Small checkpoint files for tests."""

import torch

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.001}}
PLATEAU = {
    "class_path": "lightning.pytorch.cli.ReduceLROnPlateau",
    "init_args": {"monitor": "val/loss", "mode": "min"},
}
DATA = {"data_dir": "../data.v2/here", "val_size": 50, "split_seed": 0, "augment": None}


def mlp(*hidden):
    return {"class_path": "digitrec.models.MLP", "init_args": {"hidden": list(hidden)}}


def write(path, data=DATA, changes=None, **model):
    """A small file with the layout of a Lightning checkpoint."""
    lightnings = {"_instantiator": "lightning.pytorch.cli.instantiate_module"}
    hyper_parameters = {"network": mlp(4), "optimizer": ADAM, "scheduler": None, **lightnings, **model}
    content = {
        "state_dict": {"weight": torch.arange(1000.0)},
        "hyper_parameters": hyper_parameters,
        "datamodule_hyper_parameters": {**data, **lightnings} if isinstance(data, dict) else data,
        **(changes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path
