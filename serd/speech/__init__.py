"""Voice activity, utterances, and the windows of speech that are cut from them."""
