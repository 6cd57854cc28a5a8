"""Good bases of the Hugging Face Hub, by family and language, with what their model cards say. Nothing of them is on this machine yet.

Parameters are counted from each architecture's own configuration (without heads that no task uses), sizes are the weights as their owners
store them. Only models with safetensors and a licence that allows use stand here.
"""

from __future__ import annotations

from core.models.catalogue import Base
from core.tasks.base import Family
from core.words import Message

MULTI = "multilingual"


def _hub(
    name: str,
    family: Family,
    languages: tuple[str, ...],
    licence: str,
    parameters: int,
    bytes_each: int,
    longest: int,
    shape: tuple[str, int, int, int, int],
    note: Message,
) -> Base:
    """`shape`: architecture, width, layers, inner width, vocabulary. `bytes_each`: of one stored weight."""
    architecture, width, layers, inner, vocabulary = shape
    return Base(
        name, Message("{name} (Hub)", name=name), "encoder", languages, licence, parameters, parameters * bytes_each, longest, note, name,
        family, architecture, width, layers, inner, vocabulary,
    )  # fmt: skip


KNOWN: dict[str, Base] = {
    base.id: base
    for base in (
        # Reading texts
        _hub("BAAI/bge-small-en-v1.5", "encoder", ("en",), "MIT", 33_360_000, 4, 512, ("bert", 384, 12, 1536, 30_522),
             Message("Made for comparing English texts; small, and a little more exact than the bundled model.")),
        _hub("answerdotai/ModernBERT-base", "encoder", ("en",), "Apache-2.0", 149_655_232, 4, 8_192, ("modernbert", 768, 22, 1152, 50_368),
             Message("English and program code, long texts included.")),
        _hub("FacebookAI/roberta-base", "encoder", ("en",), "MIT", 124_697_433, 4, 512, ("roberta", 768, 12, 3072, 50_265),
             Message("English; tells capitals apart. A proven all-rounder, also for marking words.")),
        _hub("distilbert/distilbert-base-uncased", "encoder", ("en",), "Apache-2.0", 66_985_530, 4, 512, ("distilbert", 768, 6, 3072, 30_522),
             Message("English; half of BERT, nearly as exact.")),
        _hub("BAAI/bge-small-zh-v1.5", "encoder", ("zh",), "MIT", 23_953_920, 4, 512, ("bert", 512, 4, 2048, 21_128),
             Message("Chinese; small and quick, made for comparing texts.")),
        _hub("BAAI/bge-base-zh-v1.5", "encoder", ("zh",), "MIT", 102_267_648, 4, 512, ("bert", 768, 12, 3072, 21_128),
             Message("Chinese; made for comparing texts, good at labels too.")),
        _hub("google-bert/bert-base-chinese", "encoder", ("zh",), "Apache-2.0", 102_290_312, 4, 512, ("bert", 768, 12, 3072, 21_128),
             Message("Chinese, one character a piece: good for marking words.")),
        _hub("intfloat/multilingual-e5-small", "encoder", (MULTI, "en", "zh"), "MIT", 117_653_760, 4, 512, ("bert", 384, 12, 1536, 250_037),
             Message("About 100 languages; small, made for comparing texts.")),
        _hub("FacebookAI/xlm-roberta-base", "encoder", (MULTI, "en", "zh"), "MIT", 278_295_186, 4, 512, ("xlm-roberta", 768, 12, 3072, 250_002),
             Message("About 100 languages. A proven all-rounder.")),
        # Writing
        _hub("HuggingFaceTB/SmolLM2-135M-Instruct", "causal", ("en",), "Apache-2.0", 134_515_008, 2, 8_192, ("llama", 576, 30, 1536, 49_152),
             Message("English; the smallest that holds a conversation. Runs without a GPU.")),
        _hub("HuggingFaceTB/SmolLM2-360M-Instruct", "causal", ("en",), "Apache-2.0", 361_821_120, 2, 8_192, ("llama", 960, 32, 2560, 49_152),
             Message("English; small, holds a conversation.")),
        _hub("openai-community/gpt2", "causal", ("en",), "MIT", 124_439_808, 4, 1_024, ("gpt2", 768, 12, 3072, 50_257),
             Message("English; old and well understood. Goes on from a text, holds no conversation.")),
        _hub("Qwen/Qwen2.5-0.5B-Instruct", "causal", (MULTI, "en", "zh"), "Apache-2.0", 494_032_768, 2, 32_768, ("qwen2", 896, 24, 4864, 151_936),
             Message("Chinese, English and 27 more languages; the smallest that follows instructions in Chinese.")),
        _hub("Qwen/Qwen3-0.6B", "causal", (MULTI, "en", "zh"), "Apache-2.0", 596_049_920, 2, 32_768, ("qwen3", 1024, 28, 3072, 151_936),
             Message("Chinese, English and about 100 more languages; can think aloud before it answers.")),
        _hub("Qwen/Qwen2.5-1.5B-Instruct", "causal", (MULTI, "en", "zh"), "Apache-2.0", 1_543_714_304, 2, 32_768, ("qwen2", 1536, 28, 8960, 151_936),
             Message("Chinese, English and 27 more languages; clearly better than half a billion, and wants a GPU.")),
        _hub("Qwen/Qwen3-1.7B", "causal", (MULTI, "en", "zh"), "Apache-2.0", 1_720_574_976, 2, 32_768, ("qwen3", 2048, 28, 6144, 151_936),
             Message("Chinese, English and about 100 more languages; wants a GPU.")),
        # One text into another
        _hub("google-t5/t5-small", "encoder-decoder", ("en", "fr", "de", "ro"), "Apache-2.0", 60_506_624, 4, 512, ("t5", 512, 12, 2048, 32_128),
             Message("English; translates into German, French and Romanian. Small enough to learn without a GPU.")),
        _hub("google/flan-t5-small", "encoder-decoder", ("en",), "Apache-2.0", 76_961_152, 4, 512, ("t5", 512, 16, 1024, 32_128),
             Message("English; has practised over a thousand tasks. Small enough to learn without a GPU.")),
        _hub("google/flan-t5-base", "encoder-decoder", ("en",), "Apache-2.0", 247_577_856, 4, 512, ("t5", 768, 24, 2048, 32_128),
             Message("English; has practised over a thousand tasks.")),
        _hub("facebook/bart-base", "encoder-decoder", ("en",), "Apache-2.0", 139_420_416, 4, 1_024, ("bart", 768, 12, 3072, 50_265),
             Message("English; good at summaries and rewriting.")),
        _hub("google/madlad400-3b-mt", "encoder-decoder", (MULTI, "en", "zh"), "Apache-2.0", 2_940_372_992, 4, 512, ("t5", 1024, 64, 8192, 256_000),
             Message("Translates between more than 400 languages, Chinese among them; wants a large GPU.")),
        # Pictures
        _hub("microsoft/resnet-18", "image", (), "Apache-2.0", 11_689_512, 4, 224, ("resnet", 512, 8, 512, 0),
             Message("Small and quick: learns without a GPU. Has seen a million photos of 1,000 kinds.")),
        _hub("microsoft/resnet-50", "image", (), "Apache-2.0", 25_557_032, 4, 224, ("resnet", 2048, 16, 2048, 0),
             Message("The classic of picture models. Has seen a million photos of 1,000 kinds.")),
        _hub("facebook/dinov2-small", "image", (), "Apache-2.0", 22_056_576, 4, 518, ("dinov2", 384, 12, 1536, 0),
             Message("Learnt from 142 million photos without labels; its features tell much apart with few examples.")),
        _hub("google/vit-base-patch16-224", "image", (), "Apache-2.0", 86_567_656, 4, 224, ("vit", 768, 12, 3072, 0),
             Message("A transformer for pictures; exact, and quick on a GPU.")),
    )
}  # fmt: skip
