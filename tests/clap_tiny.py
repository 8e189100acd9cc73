"""A CLAP model with tiny random parts, in a folder as transformers keeps one."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast

WIDTH = 16
_WORDS = ["<s>", "<pad>", "</s>", "<unk>", "calm", "piano", "at", "night", "loud", "guitar", "drums", "slow"]
_AUDIO = {
    "spec_size": 64,
    "num_mel_bins": 16,
    "hidden_size": 16,
    "patch_embeds_hidden_size": 8,
    "depths": [2, 1],
    "num_attention_heads": [2, 4],
    "window_size": 4,
    "aff_block_r": 2,
    "num_hidden_layers": 2,
}
_TEXT = {
    "vocab_size": len(_WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 90,
}


def write_clap(folder: Path, seed: int = 0, fusion: bool = False) -> ClapModel:
    """Write model, extractor and tokenizer; the model comes back for comparison.

    Batch statistics of the input are as a trained model has them, or all recordings would sound alike.
    """
    torch.manual_seed(seed)
    audio = {**_AUDIO, "enable_fusion": fusion, "fusion_type": "aff_2d" if fusion else None}
    config = ClapConfig(audio_config=audio, text_config=_TEXT, projection_dim=WIDTH)
    config.audio_config.initializer_factor = config.text_config.initializer_factor = 3.0
    model = ClapModel(config).eval()
    statistics = model.audio_model.audio_encoder.batch_norm
    statistics.running_mean.fill_(-30.0)
    statistics.running_var.fill_(400.0)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    truncation = "fusion" if fusion else "rand_trunc"
    ClapFeatureExtractor(feature_size=16, hop_length=2400, truncation=truncation).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return model


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(_WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
