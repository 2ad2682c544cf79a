"""Train a config with several seeds and write mean and standard deviation into README.md.

python -m scripts.reproduce configs/mlp.yaml --seeds 3   writes docs/results/runs/mlp.json and the table
python -m scripts.reproduce --table                      writes only the table, from docs/results/runs/

Seeds that docs/results/runs/ already has are not run again, so an interrupted command can be repeated.

Protocols. `validation`: the config as it is; the checkpoint with the best val/acc is tested. `full`: trained
on all 60,000 images, for a recipe that is fixed; the last epoch is tested. `choose`, for model selection:
10,000 images are held out, the last epoch is validated, the test images are not used.

The same checkpoint is then evaluated once more with test-time augmentation (TTA): small rotations, shears and
changes of width, the same ones for all configs.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import lightning
import torch

from digitrec.cli import DigitCLI
from digitrec.files import replacing
from digitrec.training.messages import ignore_warnings
from scripts.lib.docs import RESULTS, mean_and_deviation, write_section
from scripts.lib.sections import checksum, commit

RUNS = RESULTS / "runs"
PROTOCOLS = {"validation": [], "full": ["--data.val_size=0"], "choose": ["--data.val_size=10000"]}
TTA = ["--model.tta=digitrec.models.TTA", "--model.tta.init_args.rotation=4"]
TTA += [f"--model.tta.init_args.{name}" for name in ("shear=0.06", "width=0.04", "stroke=0")]


def run_seed(config: str, seed: int, protocol: str, overrides: list[str]) -> dict[str, Any]:
    """Fit one seed, measure its checkpoint and return the raw figures of the run."""
    started_from = commit()  # the work tree may change while it runs
    fit_args = ["fit", f"--config={config}", f"--seed_everything={seed}", *PROTOCOLS[protocol], *overrides]
    start = time.perf_counter()
    cli = DigitCLI(fit_args)
    seconds = time.perf_counter() - start
    assert cli.trainer.log_dir is not None
    checkpoint = (
        Path(cli.trainer.log_dir) / "checkpoints" / ("best.ckpt" if protocol == "validation" else "last.ckpt")
    )
    figures = {
        key: float(value) for key, value in cli.trainer.callback_metrics.items() if key.startswith("val/")
    }
    if protocol == "validation":
        figures["val/acc"] = float(cli.trainer.checkpoint_callbacks[0].best_model_score)  # type: ignore[attr-defined]
    stage, subcommand = ("val", "validate") if protocol == "choose" else ("test", "test")
    evaluation = [subcommand, f"--ckpt_path={checkpoint}", "--trainer.logger=false"]
    if stage == "test":
        test = DigitCLI(evaluation)
        figures |= {key: float(value) for key, value in test.trainer.callback_metrics.items()}
    averaged = DigitCLI([*evaluation, *TTA])
    figures[f"{stage}/acc_tta"] = float(averaged.trainer.callback_metrics[f"{stage}/acc"])
    return {
        "seed": seed,
        **{key: round(value, 6) for key, value in figures.items()},
        "epochs": cli.trainer.current_epoch,
        "seconds": round(seconds, 1),
        "checkpoint": checkpoint.name,
        "hardware": f"{platform.machine()} CPU, {torch.get_num_threads()} of {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}, "
        f"lightning {lightning.__version__}",
        "commit": started_from,
        "from": checksum(config),
    }


def reproduce(config: str, seeds: range, protocol: str, overrides: list[str], name: str) -> None:
    """Run the seeds that are missing and write each when it is done."""
    path = RUNS / f"{name}.json"
    header = {"config": config, "protocol": protocol, "overrides": overrides}
    for seed in seeds:
        if seed in {run["seed"] for run in recorded(path, header)}:
            continue
        run = run_seed(config, seed, protocol, overrides)
        # Read again: another process may have added seeds meanwhile.
        runs = sorted([*recorded(path, header), run], key=lambda run: run["seed"])
        write(path, json.dumps({**header, "runs": runs}, indent=1) + "\n")
    metric = "val/acc" if protocol == "choose" else "test/acc"
    runs = recorded(path, header)
    print(f"{name}: {metric} {mean_and_deviation([run[metric] for run in runs], 2)} ({len(runs)} seeds)")


def recorded(path: Path, header: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs in a file of results; none if it does not exist."""
    if not path.exists():
        return []
    record = json.loads(path.read_text())
    if any(record[key] != value for key, value in header.items()):
        raise SystemExit(f"{path} has another config, protocol or overrides: move it or give --name.")
    runs: list[dict[str, Any]] = record["runs"]
    return runs


def table() -> str:
    """Return docs/results/runs/ as a Markdown table, the lowest accuracy first."""
    records = [json.loads(path.read_text()) for path in sorted(RUNS.glob("*.json"))]
    records = [record for record in records if record["runs"] and record["protocol"] != "choose"]
    columns = ["config", "test accuracy (%)", "with TTA (%)", "seeds", "protocol", "epochs"]
    columns += ["seconds a run", "hardware", "versions", "commit"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for record in sorted(records, key=lambda record: mean(run["test/acc"] for run in record["runs"])):
        runs = record["runs"]
        averaged = [run["test/acc_tta"] for run in runs if "test/acc_tta" in run]  # not in older runs
        row = [
            f"`{record['config']}`",
            mean_and_deviation([run["test/acc"] for run in runs], 2),
            mean_and_deviation(averaged, 2) if len(averaged) == len(runs) else "-",
            str(len(runs)),
            record["protocol"],
            distinct(runs, "epochs"),
            f"{median(run['seconds'] for run in runs):.0f}",
            *(distinct(runs, key) for key in ("hardware", "versions", "commit")),
        ]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def distinct(runs: list[dict[str, Any]], key: str) -> str:
    """Return the distinct values of a key over the runs."""
    return " / ".join(dict.fromkeys(str(run[key]) for run in runs))


def write(path: Path, text: str) -> None:
    """Replace a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(text.encode())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed would be --seeds
    )
    parser.add_argument("config", nargs="?", help="the config; other --keys are passed to fit")
    parser.add_argument("--seeds", type=int, default=3, help="the last seed; 3 by default")
    parser.add_argument("--first-seed", type=int, default=1, help="1 by default")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="validation")
    parser.add_argument("--name", help="of the file in docs/results/runs/; that of the config by default")
    parser.add_argument("--table", action="store_true", help="only write the README's table")
    options, overrides = parser.parse_known_args()
    ignore_warnings()
    if not options.table:
        if options.config is None:
            parser.error("name a config, or give --table")
        name = options.name or Path(options.config).stem
        seeds = range(options.first_seed, options.seeds + 1)
        reproduce(options.config, seeds, options.protocol, overrides, name)
        if options.protocol == "choose":
            return
    write_section("results", table())
    print("The table of README.md is written.", file=sys.stderr)


if __name__ == "__main__":
    main()
