"""Flanks stand where an insert is padded, as far as they reach and no further."""

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from gxtool.models.proformer.flanks import Flanks  # noqa: E402
from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig, reverse_complement  # noqa: E402

LETTERS = "ACGTNM"


def shares(*sequences: str) -> torch.Tensor:
    tokens = torch.tensor([[LETTERS.index(letter) for letter in sequence] for sequence in sequences])
    return functional.one_hot(tokens, 6).float()


def letters(found: torch.Tensor) -> list[str]:
    return ["".join(LETTERS[place] for place in row) for row in found.argmax(dim=2).tolist()]


@pytest.mark.parametrize(
    ("padded", "filled"),
    [
        ("NNNNGATNNNNNN", "NACGGATTTGCAN"),
        ("NNGATTACAGATN", "CGGATTACAGATT"),
        ("GATTACAGATTAC", "GATTACAGATTAC"),
        ("NNGANNACAGATN", "CGGANNACAGATT"),
        ("NNNNNNNNNNNNN", "NNNNNNNNNNNNN"),
    ],
    ids=["longer padding than flanks", "uneven padding", "no padding", "N inside stays", "N alone stays"],
)
def test_flank_bases_next_to_the_insert_replace_padding(padded: str, filled: str) -> None:
    assert letters(Flanks("ACG", "TTGCA")(shares(padded))) == [filled]


def test_a_side_without_a_flank_stays_unknown() -> None:
    assert letters(Flanks("", "TG")(shares("NNGATNNN", "NGATTACN"))) == ["NNGATTGN", "NGATTACT"]


def test_rows_of_unequal_length_in_one_batch_are_filled_each_by_itself() -> None:
    together = Flanks("ACG", "TTGCA")(shares("NNNNGATNNNNNN", "NNGATTACAGATN"))
    assert letters(together) == ["NACGGATTTGCAN", "CGGATTACAGATT"]


def test_gradients_reach_the_insert_and_not_the_padding() -> None:
    given = shares("NNGATNN").requires_grad_()
    Flanks("AC", "GT")(given)[..., 0].sum().backward()
    assert given.grad[0, :, 0].tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_a_network_that_reads_flanks_takes_an_insert_for_the_whole_construct() -> None:
    fields = {"architecture": "cnn", "head": "pool", "mask_loss": "off", "channels": [3, 4], "kernel_size": 5}
    reading = ProformerModel(
        ProformerModelConfig(**fields, padding="flanks", flanks=("ACG", "TTGCA"), length=13)
    ).eval()
    blind = ProformerModel(ProformerModelConfig(**fields, length=13)).eval()
    blind.load_state_dict(reading.state_dict(), strict=False)
    insert, construct = shares("NNNNGATNNNNNN"), shares("NACGGATTTGCAN")
    with torch.no_grad():
        torch.testing.assert_close(reading(insert).logits, blind(construct).logits, rtol=1e-5, atol=1e-5)
        assert reading(insert).logits != blind(insert).logits
        other = reading(reverse_complement(insert)).logits
    assert reading(insert).logits != other, "flanks belong to one strand: the insert the other way round is another one"
