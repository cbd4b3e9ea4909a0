"""Models of Hugging Face's real classes with a few thousand random weights: no weights are at hand.

What they answer means nothing. What they are made of, saved as and loaded from is what real ones are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_VISION = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 37,
    "image_size": 30,
    "patch_size": 6,
    "initializer_range": 0.5,  # larger than usual, so that different files get different answers
}
_TEXT = {key: _VISION[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")}
LABELS = ("cat", "cup", "flower", "palace", "rocket")


def _named(labels: tuple[str, ...] = LABELS) -> dict[str, Any]:
    """What a configuration says of its labels."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}


def _save_processor(folder: Path, kind: str, **settings: Any) -> None:
    """The file that says how pictures are prepared, as each model at Hugging Face has it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"image_processor_type": kind, **settings})
    (folder / "preprocessor_config.json").write_text(text)


def save_vit(folder: Path) -> Path:
    """A classifier of pictures."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    ViTForImageClassification(ViTConfig(**_VISION, **_named())).save_pretrained(folder)
    _save_processor(folder, "ViTImageProcessor", size={"height": 30, "width": 30})
    return folder


def save_yolos(folder: Path) -> Path:
    """A detector of objects, which gives five boxes for each picture."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    sizes = {**_VISION, "image_size": [30, 36]}
    model = YolosForObjectDetection(YolosConfig(**sizes, **_named(), num_detection_tokens=5))
    torch.nn.init.normal_(model.vit.embeddings.detection_tokens)  # all are zero at first, and all boxes the same
    model.save_pretrained(folder)
    _save_processor(folder, "YolosImageProcessor", size={"shortest_edge": 30, "longest_edge": 36})
    return folder


def save_segformer(folder: Path) -> Path:
    """A segmenter of pictures."""
    import torch
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    torch.manual_seed(0)
    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=16,
        **_named(),
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    _save_processor(folder, "SegformerImageProcessor", size={"height": 32, "width": 32})
    return folder


def save_clip_vision(folder: Path) -> Path:
    """The half of CLIP that reads pictures."""
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    CLIPVisionModelWithProjection(CLIPVisionConfig(**_VISION, projection_dim=16)).save_pretrained(folder)
    _save_clip_processor(folder)
    return folder


def save_clip(folder: Path) -> Path:
    """Both halves of CLIP, and a tokenizer that spells: one token for each letter."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    torch.manual_seed(0)
    letters = "abcdefghijklmnopqrstuvwxyz."
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters]
    tokens += [f"{letter}</w>" for letter in letters]
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    text = {**_TEXT, **ends, "vocab_size": len(tokens), "max_position_embeddings": 77}
    CLIPModel(CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=16)).save_pretrained(folder)
    CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[]).save_pretrained(folder)
    _save_clip_processor(folder)
    return folder


def _save_clip_processor(folder: Path) -> None:
    _save_processor(folder, "CLIPImageProcessor", size={"shortest_edge": 30}, crop_size={"height": 30, "width": 30})


def save_whisper(folder: Path) -> Path:
    """A transcriber that says four letters or less at a time, with the special tokens of the real ones."""
    import torch
    from tokenizers import AddedToken
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    torch.manual_seed(0)
    characters = sorted(ByteLevel.alphabet())
    names = ["endoftext", "startoftranscript", "en", "translate", "transcribe", "startoflm", "startofprev", "nospeech"]
    special = [f"<|{name}|>" for name in [*names, "notimestamps"]]
    times = [f"<|{step / 50:.2f}|>" for step in range(1501)]
    ids = {token: number for number, token in enumerate([*characters, *special, *times])}
    end, start, silent = ids["<|endoftext|>"], ids["<|startoftranscript|>"], ids["<|notimestamps|>"]
    tokenizer = WhisperTokenizer(vocab={token: ids[token] for token in characters}, merges=[])
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special], special_tokens=True)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in times])
    assert tokenizer.convert_tokens_to_ids(times[-1]) == ids[times[-1]]
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8).save_pretrained(folder)
    ends = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(ids),
            num_mel_bins=8,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_target_positions=32,
            init_std=0.5,
            **ends,
        )
    )
    model.generation_config = GenerationConfig(
        **ends,
        max_new_tokens=4,
        num_beams=1,
        begin_suppress_tokens=[end],
        suppress_tokens=[ids[token] for token in [*characters, *special] if not token.isascii() or not token.isalpha()],
        is_multilingual=True,
        lang_to_id={"<|en|>": ids["<|en|>"]},
        task_to_id={name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")},
        language="en",
        task="transcribe",
        no_timestamps_token_id=silent,
        max_initial_timestamp_index=50,
        return_timestamps=False,
        alignment_heads=[[0, 0]],
    )
    model.save_pretrained(folder)
    return folder
