"""Messages for the user: one sentence for a mistake, and no warning that nobody can act on."""

import inspect
import logging
import pydoc
import re
import sys
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path

from digitrec.arguments import suggestion
from digitrec.errors import DigitrecError, UsageError, sentence
from digitrec.training.compat.loops import unrestored_checkpoint
from digitrec.training.processes import is_first


def plain_message(error: Exception) -> str:
    """Say in one sentence what jsonargparse and Lightning say in many lines."""
    text = str(error)
    if 'Parser key "' in text:
        text = _refused_value(text)
    for pattern, replacement in _REPLACEMENTS:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return " ".join(text.split())


def user_error(error: Exception) -> DigitrecError:
    """Return an error of digitrec as it is, and one of jsonargparse or Lightning as a UsageError."""
    if isinstance(error, DigitrecError):
        return error
    return UsageError(" ".join([plain_message(error), *getattr(error, "__notes__", [])]).strip())


def hint(error: Exception, keys: Iterable[str], command: str) -> str:
    """Suggest what was meant by a word, a key or a class that does not exist; empty for another error.

    Args:
        error: of the parser.
        keys: that are known, with those of the given configs.
        command: as ``digitrec fit``, whose help is named if nothing is close.
    """
    message, known = plain_message(error), list(keys)
    if found := re.search(r"there is no (\w+) in ([\w.]+)\.", message):
        return suggestion(found[1], dir(pydoc.locate(found[2])))
    see = f"See {command} --help."
    if found := re.search(r"unrecognized arguments: (\S+)", str(error)):
        word = found[1]
        if not word.startswith("-") and (option := _OPTIONS_OF_FILES.get(Path(word).suffix.lower())):
            return f"Did you mean {option} {word}?"
        is_key = re.match(r"-|\w+\.\w|\w+=", word)
        return (is_key and _closest(word.lstrip("-"), known, "--")) or see
    if "there is no such" not in message:
        return ""
    key = re.split(r"[=: ]", message)[0]
    if found := re.search(r"Problem with given class_path '([\w.]+)'", str(error)):
        arguments = inspect.signature(pydoc.locate(found[1])).parameters  # type: ignore[arg-type]
        known = [f"{key.rpartition('.')[0]}.{argument}" for argument in arguments]
    return _closest(key, known) or see


_OPTIONS_OF_FILES = {
    **dict.fromkeys((".yaml", ".yml"), "--config"),
    **dict.fromkeys((".jpg", ".jpeg", ".png"), "--data.pictures"),
    ".ckpt": "--ckpt_path",
}
"""The options that take files, by the endings of these."""


def _closest(word: str, known: list[str], prefix: str = "") -> str:
    """Suggest the key with the same last part (model.optimizer.init_args.lr for model.lr), or a close one."""
    key = word.partition("=")[0]
    group, _, name = key.rpartition(".")
    known = [each for each in known if each != key]  # a config may have the wrong one
    same = [each for each in known if each.endswith(f".{name}") and each.startswith(group.partition(".")[0])]
    return suggestion(key, [prefix + each for each in same], 0) or suggestion(
        prefix + key, [prefix + each for each in known]
    )


def unrestored(error: Exception) -> str | None:
    """Explain an error in the state that Lightning restores from a checkpoint; return None for any other."""
    path = unrestored_checkpoint(error)
    return path and f"The state of the training in {path} cannot be restored: choose another checkpoint."


def report_thread(error: threading.ExceptHookArgs) -> None:
    """Report an error of a thread, such as that of TensorBoard on a full disk, in one line."""
    if isinstance(error.exc_value, OSError):
        print(f"digitrec: {sentence(error.exc_value)}", file=sys.stderr)
    else:
        threading.__excepthook__(error)


def of_detector(message: str) -> str:
    """Change the commands and the config in a message about the classifier to those of the page detector."""
    for of_classifier, of_detector in _COMMANDS.items():
        message = message.replace(of_classifier, of_detector)
    return message


_COMMANDS = {
    "fit, validate, test or predict": "fit or validate",
    "digitrec fit": "digitrec detector fit",
    "--config configs/mlp.yaml": "--config configs/detector.yaml",
    "as in configs/mlp.yaml": "as in configs/detector.yaml",
}


def _refused_value(text: str) -> str:
    """Name the key, down to the argument of a class, and one of the reasons that jsonargparse lists."""
    before = text[: text.index('Parser key "')]
    key = ".init_args.".join(dict.fromkeys(re.findall(r'Parser key "([^"]+)"', text)))
    for reason, plainer in _REASONS:
        if found := re.search(reason, text):
            return before + plainer.format(*found.groups(), key=key)
    value = re.search(r"(?:(?:Got|Given) value|import path string): (.*?)(?:\. Got value: .*)?$", text, re.M)
    expected = [
        *re.findall(r"Expected an? <class '(\w+)'>", text),
        *re.findall(r"'?([\w-]+)'?", ",".join(re.findall(r"Expected an? typing\.Literal\[(.*?)\]", text))),
        *(["the full path of a class"] if "Expected a dot import path" in text else []),
    ]
    if "NoneType" in expected:
        expected = [*(name for name in expected if name != "NoneType"), "null"]
    wanted = " or ".join(dict.fromkeys(expected)).replace("tuple", "list, as in [128, 64]")
    given = value[1] if value else "its value"
    return f"{before}{key}: {given} is not accepted{': expected ' if wanted else ''}{wanted}."


_REASONS = (
    (r"Option '([^']+)' is not accepted", "{key}.init_args.{0}: there is no such key."),
    (r"arguments are required: ([^\n]+)", "{key}: the class needs {0} in its init_args."),
    (r"(Multiple subclasses with name .*)", "{key}: {0}"),
    (r"Import path (\S+) does not correspond to a subclass of (\w+)", "{key}: {0} is not a {1}."),
    (r"module '(\S+)' has no attribute '(\w+)'", "{key}: there is no {1} in {0}."),
    (r"No module named '(\S+)'", "{key}: there is no module {0}."),
    (
        r"File does not exist: '?([^'\n]+/configs/[^'\n]+)'?",
        "--{key}: there is no file {0}: digitrec configs copies the experiments into ./configs.",
    ),
    (r"File does not exist: '?([^'\n]+)'?", "--{key}: there is no file {0}."),
    (r"Path is not a file: '?([^'\n]+)'?", "--{key}: {0} is not a file."),
)
"""Patterns of jsonargparse's reasons for a refused value, and the messages that replace them."""

_REPLACEMENTS = (
    (
        r'.*expected "subcommand" to be one of.*',
        "Name a command: fit, validate, test or predict; see --help.",
    ),
    (
        r"Subcommand '(\w+)' does not accept option '([^']+)'",
        r"\2: there is no such key.",
    ),
    (r"unrecognized arguments: (-.*)", r"\1: there is no such option."),
    (r"unrecognized arguments: (.*)", r"\1: to which option does this belong?"),
    (
        r"argument subcommand: invalid choice: '(.*?)' \(choose from (.*)\).*",
        r"There is no command \1: choose from \2.",
    ),
    (
        r"argument (--[\w.]+)\S*: expected one argument",
        r"\1 has no value: one that begins with a dash is joined by =, as in \1=-NAME.",
    ),
    (r"\b(?:fit|validate|test|predict)\.(model\.\w+)", r"\1"),
    (r"Unexpected config: .*", "this is not a config: keys and values are expected, as in configs/mlp.yaml."),
    (
        r"Problems parsing config: .*?line (\d+), column.*",
        r"the YAML is broken near line \1.",
    ),
    (r"'utf-8' codec can't decode .*", "this is not a text file."),
    (
        r"(?:the following )?arguments are required: (model.*)",
        r"\1: there is no value; give an experiment, for example --config configs/mlp.yaml "
        "(digitrec configs copies it there).",
    ),
    (
        r".*given class_path '[\w.]*?(\w+)':\s+Requirement '([\w-]+)[^']*' not met.*",
        r"\1 needs the package \2, which is not installed: pip install \2.",
    ),
    (r"No supported gpu backend found!", "trainer.accelerator: no GPU was found. Use cpu or auto."),
)
"""Patterns in messages of the libraries, and their replacements."""


IGNORED_WARNINGS = (
    # Lightning 2.6 with torch 2.14; gone when Lightning asks the tree itself.
    r".*LeafSpec.* is deprecated",
    # The images are in memory: loader processes would only be slower.
    ".*does not have many workers",
    # Predictions come by the batch, which holds the indices: their writer needs no others.
    "Couldn't infer the batch indices",
    # The summary counts 4 bytes a weight, which is what the weights have in mixed precision, too.
    "Precision bf16-mixed is not supported by the model summary",
    # The images come first in a batch, so the size that Lightning finds is the right one.
    "Trying to infer the `batch_size` from an ambiguous collection",
    # With data.val_size 0 there is nothing to validate on, or to choose a best checkpoint by.
    "Total length of `list` across ranks is zero",
    ".*could not find the monitored key",
    # Evaluation needs no callback of the training run, and writes into a folder of its own.
    ".*callbacks used to create the checkpoint need to be provided",
    ".*The dirpath has changed from",
    # The weights of a checkpoint are the averaged ones, which evaluation takes.
    "You're using the WeightAveraging callback, but loading a checkpoint outside the 'fit' stage",
    # Lightning does not know that a resumed run continues in its folder, and that the sampler goes on.
    "Checkpoint directory .* exists and is not empty",
    "You're resuming from a checkpoint that ended before the epoch",
)
"""Beginnings of warnings that a user can do nothing about, each with the reason."""


CHATTER = (
    "Seed set to",
    "GPU available: False",  # a GPU that is used is worth a line
    "TPU available",
    "Restoring states from",
    "Restored all states from",
    "Loaded model weights from",
    "Loading `train_dataloader` to estimate",
    "`Trainer.fit` stopped",
    ".*(litlogger|litmodels)",  # advertisements
)
"""Beginnings of Lightning's lines that tell a user nothing, or what Progress and RunCLI print, too."""


def ignore_warnings() -> None:
    """Ignore what a user can do nothing about; of several processes only the first reports."""
    if not is_first():
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
    for message in IGNORED_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    for name in _SPEAKERS:
        logging.getLogger(name).addFilter(_is_no_chatter)


_SPEAKERS = (
    "lightning.pytorch.utilities.rank_zero",
    "pytorch_lightning.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
    "lightning.fabric.utilities.seed",
)


def _is_no_chatter(record: logging.LogRecord) -> bool:
    return re.match("|".join(CHATTER), record.getMessage()) is None
