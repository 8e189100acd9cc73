"""Values of MusiCNN as its authors run it, once computed; tests compare with them and only import `signal`.

How `data/musicnn_reference.npz` was made: in an environment of its own (Python 3.11, `tensorflow-cpu<2.16`, `numpy<2`,
`librosa`), with the wheel of `musicnn` 0.1.0 unpacked into FOLDER, by `python tests/musicnn_reference.py FOLDER`. It
runs the package's own graph (`musicnn/models.py`) on its own checkpoints. The package rounds its mel spectrogram to
float16 first, which is left out here: the rounding overflows for loud music and adds nothing.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VALUES = Path(__file__).parent / "data" / "musicnn_reference.npz"
MODELS = {"msd": "MSD_musicnn", "mtt": "MTT_musicnn"}
FRAMES = (0, 1, 57, 200, 311, 374, 375)  # of the front end's that are kept: both ends are mirrored there
STARTS = (0, 93, 189)  # frames that the patches begin at


def signal() -> NDArray[np.float32]:
    """Six seconds at 16 kHz, [96000]: a sweep from 50 Hz to 7.5 kHz over beats of noise, half a second of silence."""
    time = np.arange(96_000) / 16_000
    sweep = np.sin(2 * np.pi * 50 * 6 / np.log(150) * (150 ** (time / 6) - 1))
    noise = np.random.default_rng(0).standard_normal(len(time)) * np.exp(-6 * (2 * time % 1))
    mixed = 0.4 * sweep + 0.1 * noise
    mixed[(time > 4) & (time < 4.5)] = 0
    return mixed.astype(np.float32)


def main(folder: Path) -> None:
    """Compute the values and write them."""
    import librosa  # 0.10 or later, so the padding of 0.7 is named
    import tensorflow as tf

    sys.path.insert(0, str(folder))
    from musicnn import models

    tf.compat.v1.disable_eager_execution()
    mel = librosa.feature.melspectrogram(
        y=signal(), sr=16_000, n_fft=512, hop_length=256, n_mels=96, center=True, pad_mode="reflect"
    )
    frames = np.log10(10_000 * mel.T + 1).astype(np.float32)
    patches = np.stack([frames[start : start + 187] for start in STARTS])
    values = {"frames": frames[list(FRAMES)]}
    for name, original in MODELS.items():
        tf.compat.v1.reset_default_graph()
        with tf.name_scope("model"):
            x = tf.compat.v1.placeholder(tf.float32, [None, 187, 96])
            training = tf.compat.v1.placeholder(tf.bool)
            outputs = models.define_model(x, training, original, 50)
        wanted = [tf.nn.sigmoid(outputs[0]), outputs[8], outputs[6], outputs[7]]
        with tf.compat.v1.Session() as session:
            tf.compat.v1.train.Saver().restore(session, f"{folder}/musicnn/{original}/")
            results = session.run(wanted, {x: patches, training: False})
        for part, result in zip(("tags", "penultimate", "mean_pool", "max_pool"), results, strict=True):
            values[f"{name}_{part}"] = result.astype(np.float32)
    np.savez_compressed(VALUES, **values)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
