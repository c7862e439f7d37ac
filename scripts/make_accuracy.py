"""Writes the accuracy section of README.md from the card of the model that comes with serd."""

import re
import textwrap
from pathlib import Path

from serd.model.card import ModelCard
from serd.model.file import default_model_path, read_model

README = Path(__file__).parent.parent / "README.md"
_SECTION = re.compile(r"(<!-- accuracy:.*?-->\n).*?(<!-- /accuracy -->)", re.DOTALL)


def with_accuracy(readme: str, card: ModelCard) -> str:
    """The text of the README with the accuracy section of a card."""
    return _SECTION.sub(lambda match: match[1] + accuracy_section(card) + match[2], readme)


def accuracy_section(card: ModelCard) -> str:
    """The accuracy section: a paragraph and a table in Markdown."""
    accuracy = card.training["accuracy"]
    whole, folds = accuracy["all_folds"], accuracy["folds"]
    recalls = whole["recalls"]
    paragraph = (
        f"**UAR {accuracy['uar_mean']:.3f}** (mean recall over the {len(recalls)} emotions) on protocol"
        f" `{accuracy['protocol']}`: {len(folds)} folds of RAVDESS speech, each scored by a model that"
        " was not trained on the fold's actors, with the pipeline of the daemon;"
        f" {whole['n_clips']} clips, {whole['n_unheard']} of which were missed. The folds:"
        f" {', '.join(f'{uar:.3f}' for uar in folds.values())}. Chance is {1 / len(recalls):.3f}."
    )
    rows = (
        ["", *recalls],
        ["---"] * (len(recalls) + 1),
        ["recall", *map("{:.2f}".format, recalls.values())],
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{textwrap.fill(paragraph, 105)}\n\n{table}\n"


if __name__ == "__main__":
    _, shipped = read_model(default_model_path())
    README.write_text(with_accuracy(README.read_text("utf-8"), shipped), "utf-8")
