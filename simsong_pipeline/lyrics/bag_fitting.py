"""Fits what bags of words are embedded by: which words count, how rare each is, and a truncated SVD of the rest."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from simsong_pipeline.config import BagsConfig
from simsong_pipeline.lyrics.bags import BagModel, tf_idf, word_counts, words_of

# Songs that the decomposition is of; more of them change its directions no longer, and take its time.
_DECOMPOSED = 50_000


def fit_bags(texts: Sequence[str], config: BagsConfig, seed: int = 0) -> BagModel:
    """Fitted on texts of at least two songs that share some word; directions beyond what they span are zero.

    The words that count are those of most texts, equal ones by their letters. The SVD is a randomised one (Halko et
    al., 2011) with a fixed seed.
    """
    from sklearn.decomposition import TruncatedSVD  # not before: it takes a second, and a night fits nothing

    with_word = Counter(word for text in texts for word in set(words_of(text)))
    words = tuple(sorted(with_word, key=lambda word: (-with_word[word], word))[: config.words])
    songs = np.array([with_word[word] for word in words], np.float64)
    idf = (np.log((1 + len(texts)) / (1 + songs)) + 1).astype(np.float32)
    components = np.zeros((len(words), config.dim), np.float32)
    wanted = min(config.dim, len(words) - 1, len(texts) - 1)
    if wanted >= 1:
        counts = word_counts(_drawn(texts, seed), {word: n for n, word in enumerate(words)})
        found = TruncatedSVD(wanted, random_state=seed).fit(tf_idf(counts, idf))
        components[:, :wanted] = found.components_.T
    return BagModel(words, idf, components)


def _drawn(texts: Sequence[str], seed: int) -> Sequence[str]:
    if len(texts) <= _DECOMPOSED:
        return texts
    chosen = np.random.default_rng(seed).choice(len(texts), _DECOMPOSED, replace=False)
    return [texts[n] for n in np.sort(chosen).tolist()]
