"""A second implementation of Proformer, in numpy and float64, from its formulas: loops over places and heads."""

from __future__ import annotations

import numpy as np

COMPLEMENT = {0: 3, 1: 2, 2: 1, 3: 0, 4: 4}
Weights = dict[str, np.ndarray]


def weights_of(network) -> Weights:
    return {name: tensor.detach().numpy().astype(np.float64) for name, tensor in network.state_dict().items()}


def both_strands(tokens: np.ndarray) -> np.ndarray:
    """Return (2L,) tokens of one sequence and, behind it, of its reverse complement."""
    return np.array([*tokens, *(COMPLEMENT[int(token)] for token in tokens[::-1])])


def layer_norm(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-6)
    return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def feed_forward(x: np.ndarray, w: Weights, name: str, glu: str) -> np.ndarray:
    wide = layer_norm(x, w, f"{name}.norm") @ w[f"{name}.widen.weight"].T
    middle = wide.shape[1] // 2
    value, gate = wide[:, :middle], wide[:, middle:]
    gated = value * (gate * sigmoid(gate)) if glu == "swiglu" else value * sigmoid(gate)
    return gated @ w[f"{name}.narrow.weight"].T


def separable_convolution(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    x, kernel = layer_norm(x, w, f"{name}.norm"), w[f"{name}.depthwise.weight"][:, 0, :]
    reach, length = kernel.shape[1] // 2, len(x)
    depthwise = np.zeros_like(x)
    for place in range(length):
        for offset in range(kernel.shape[1]):
            seen = place + offset - reach
            if 0 <= seen < length:
                depthwise[place] += x[seen] * kernel[:, offset]
    return np.maximum(depthwise @ w[f"{name}.pointwise.weight"].T + w[f"{name}.pointwise.bias"], 0)


def attention(x: np.ndarray, w: Weights, name: str, n_heads: int) -> np.ndarray:
    """Add up what each head says: softmax(q k' / sqrt(width of a head)) v through its part of the output layer."""
    into, bias, out = w[f"{name}.inputs.weight"], w[f"{name}.inputs.bias"], w[f"{name}.output.weight"]
    inner = len(into) // 3
    width = inner // n_heads
    total = np.tile(w[f"{name}.output.bias"], (len(x), 1))
    for head in range(n_heads):
        rows = [slice(part * inner + head * width, part * inner + (head + 1) * width) for part in range(3)]
        query, key, value = (x @ into[row].T + bias[row] for row in rows)
        scores = np.einsum("ie,je->ij", query, key) / np.sqrt(width)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        total += scores @ value @ out[:, head * width : (head + 1) * width].T
    return total


def embed(tokens: np.ndarray, w: Weights) -> np.ndarray:
    """Return (2L, D): a dense layer of each k-mer's one-hot letters, the place's vector and the strand's."""
    kernel, length = w["trunk.kmer.weight"], len(tokens)
    before = (kernel.shape[2] - 1) // 2
    x = np.zeros((length, len(kernel)))
    for place in range(length):
        for offset in range(kernel.shape[2]):
            seen = place - before + offset
            if 0 <= seen < length:
                x[place] += kernel[:, tokens[seen], offset]
        x[place] += w["trunk.kmer.bias"] + w["trunk.places.weight"][place]
        x[place] += w["trunk.strands.weight"][0 if place < length // 2 else 1]
    return x


def proformer(tokens: np.ndarray, w: Weights, config) -> dict[str, np.ndarray]:
    """Return every intermediate of one sequence's tokens (2L,) on both strands."""
    found = {"embedded": embed(tokens, w)}
    x = np.concatenate([np.tile(w["trunk.slots.bias"], (config.n_slots, 1)), found["embedded"]])
    for number in range(config.num_hidden_layers):
        name = f"trunk.blocks.{number}"
        parts = {"first": feed_forward(x, w, f"{name}.first", config.glu)}
        x = x + 0.5 * parts["first"]
        parts["convolution"] = separable_convolution(x, w, f"{name}.convolution")
        x = parts["norm"] = layer_norm(x + parts["convolution"], w, f"{name}.norm")
        parts["attention"] = attention(x, w, f"{name}.attention", config.num_attention_heads)
        x = x + parts["attention"]
        parts["second"] = feed_forward(x, w, f"{name}.second", config.glu)
        x = x + 0.5 * parts["second"]
        found |= {f"{number}.{part}": value for part, value in parts.items()}
        found[f"{number}"] = x
    slots, positions = x[: config.n_slots], x[config.n_slots :]
    found["logits"] = (slots @ w["head.output.weight"].T + w["head.output.bias"]).mean(axis=0)
    found["guess"] = positions @ w["guess.weight"].T + w["guess.bias"]
    return found


def masked_loss(tokens: np.ndarray, masked: np.ndarray, guesses: np.ndarray) -> float:
    """Return -log softmax of the true token, summed over all masked places of all sequences, / (their number + 1)."""
    total = 0.0
    for row, place in np.argwhere(masked):
        shares = np.exp(guesses[row, place]) / np.exp(guesses[row, place]).sum()
        total -= np.log(shares[tokens[row, place]])
    return total / (masked.sum() + 1)
