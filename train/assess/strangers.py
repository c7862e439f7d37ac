"""Speakers of another corpus whom a model has never heard, as ``fit`` scored them."""

from pathlib import Path

from serd.model.file import read_model
from train.assess.figures import Facts, check_recipe, recipe_digest
from train.clips import CorpusError


def strangers(path: Path, *, recipe_of: Facts) -> Facts:
    """What a model's card says of speakers of another corpus whom ``fit`` held out from it.

    Args:
        path: the .tflite file.
        recipe_of: a run of the recipe that it was trained by.

    Returns:
        "test_actors", "heard_corpus" (whether it learnt from others of theirs), "uar", "n_clips",
        "n_unheard" (clips of which it says nothing), "n_classes" (the emotions that the corpus has) and
        "recipe", what tells the recipe from others.

    Raises:
        InputError: no model, or one without a card.
        CorpusError: nobody of another corpus was held out, or it is of another recipe.
    """
    _, card = read_model(path)
    held_out = card.training.get("held_out", {})
    named = str(held_out.get("test_actors", ""))
    corpora = {actor.split(":")[0] for actor in named.split(",") if ":" in actor}
    if not corpora:
        raise CorpusError(f"{path}: holds nobody of another corpus out, as --test-actors nemo:EB0 would")
    learnt = {actor.split(":")[0] for actor in str(card.training["actors"]).split(",")}
    facts: Facts = {
        "test_actors": named,
        "heard_corpus": bool(corpora & learnt),
        "uar": held_out["uar"],
        "n_clips": held_out["n_clips"],
        "n_unheard": held_out["n_unheard"],
        "n_classes": len(held_out["recalls"]),
        "recipe": recipe_digest(card.training["recipe"]),
    }
    check_recipe(facts, recipe_of, path)
    return facts
