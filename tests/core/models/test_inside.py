"""What layers are for is told from their names."""

from __future__ import annotations

import pytest

from core.models.inside import role


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encoder.layer.0.attention.self.key", "key"),
        ("encoder.layer.0.attention.output.dense", "attended"),
        ("encoder.layer.0.output.dense", "outer"),
        ("encoder.layer.0.intermediate.dense", "inner"),
        ("h.0.attn.c_attn", "fused"),
        ("h.0.mlp.c_proj", "outer"),
        ("decoder.block.0.layer.1.EncDecAttention.o", "attended"),
        ("model.layers.3.mlp.down_proj", "outer"),
        ("pooler.dense", None),
    ],
)
def test_layers_are_known_by_their_names(name: str, expected: str | None):
    assert role(name) == expected
