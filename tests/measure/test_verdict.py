"""What may be concluded: better, worse, no clear difference, too little data, too few; and in which words."""

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.evidence import Predictions, Rows, scored
from gxtool.measure.sentences import (
    Words,
    counts_sentence,
    difference_sentence,
    judgement_sentence,
)
from gxtool.measure.verdict import Question, differences, judge, score_of, yardstick

WORDS = Words("gene", "genes", "cell type", "cell types")


class Table:
    """Expression of genes in cell types, and predictors that see it through noise of a chosen size."""

    def __init__(self, n_genes=120, samples=("K562",), seed=0):
        self.generator = np.random.default_rng(seed)
        self.n = n_genes * len(samples)
        self.samples = np.repeat(samples, n_genes)
        self.labels = self.generator.normal(size=self.n)
        self.rows = Rows.of(self.labels, np.tile(np.arange(n_genes), len(samples)), self.samples)

    def predictor(self, name, noise, seeds=1, metric="pearson"):
        noise = np.broadcast_to(np.asarray(noise, float), self.n)
        values = self.labels + noise * self.generator.normal(size=(seeds, self.n))
        return scored(self.rows, Predictions(name, values), metric)

    def given(self, name, values, metric="pearson"):
        return scored(self.rows, Predictions(name, np.broadcast_to(values, (1, self.n))), metric)


def test_model_above_every_baseline_is_better():
    table = Table()
    model, baselines = table.predictor("cnn", 0.3), [table.predictor("linear", 1), table.predictor("k_mers", 1.5)]
    judgement = judge(model, baselines)
    assert (judgement.verdict, judgement.strongest, judgement.has_skill) == ("better", "linear", True)
    sentence = judgement_sentence(judgement, WORDS)
    score = judgement.model
    assert sentence == (
        f"cnn reaches Pearson r {score.estimate:.3f} (95 % interval {score.low:.3f} to {score.high:.3f}): "
        "these trained models are better than linear and k mers."
    )


def test_one_baseline_above_makes_it_worse():
    table = Table()
    judgement = judge(table.predictor("cnn", 1), [table.predictor("linear", 0.3), table.predictor("k_mers", 3)])
    assert judgement.verdict == "worse"
    assert [test.verdict for test in judgement.differences] == ["worse", "better"]
    assert judgement_sentence(judgement, WORDS).endswith(": these trained models are worse than linear.")


def test_equal_baseline_among_weaker_ones_is_no_clear_difference():
    table = Table(400)
    judgement = judge(table.predictor("cnn", 1), [table.predictor("linear", 1), table.predictor("k_mers", 3)])
    assert [test.verdict for test in judgement.differences] == ["no clear difference", "better"]
    assert judgement_sentence(judgement, WORDS).endswith(
        ": these trained models show no clear difference from linear, better than k mers."
    )


def test_baseline_of_small_gain_cannot_be_told_from_with_few_genes():
    table = Table(25)
    judgement = judge(table.predictor("cnn", 3), [table.predictor("linear", 3)])
    assert judgement.verdict == "too little data"
    assert "too little data to say whether these trained models are better than linear (a difference below 0." in (
        judgement_sentence(judgement, WORDS)
    )


def test_too_few_genes_have_a_score_and_no_verdict():
    table = Table(9)
    judgement = judge(table.predictor("cnn", 0.3), [table.predictor("linear", 3)])
    assert (judgement.verdict, judgement.model.low, judgement.differences[0].p_value) == ("too few units", None, None)
    assert judgement.model.estimate > 0.5
    assert judgement_sentence(judgement, WORDS).endswith(
        ": too few genes to say more (9 genes, at least 10 are needed)."
    )


@pytest.mark.parametrize(("n_positive", "verdict"), [(1, "too few units"), (9, "too few units"), (10, "better")])
def test_scores_of_order_need_ten_genes_of_each_class(n_positive, verdict):
    # With 3 positives of 100, equal models would differ in 9 % of tables, with 10 in 5 %.
    labels = np.arange(300) < n_positive
    rows = Rows.of(labels, np.arange(300), np.zeros(300))
    noise = np.random.default_rng(0).normal(size=(2, 1, 300))
    model, baseline = (scored(rows, Predictions(n, 4 * s * labels + noise[s]), "auroc") for s, n in enumerate("ba"))
    found = differences(baseline, [model])[0]
    assert found.verdict == verdict
    if verdict == "too few units":
        assert found.remark == f"{n_positive} units of the rarer class, at least 10 are needed"
        assert score_of(model).low is None


def test_only_value_that_differs_allows_no_verdict():
    table = Table(30)
    model = table.given("cnn", (np.arange(30) == 7).astype(float))
    assert score_of(model).remark == "without one of its units the score would be undefined"
    assert differences(model, [table.predictor("linear", 1)])[0].verdict == "too few units"


def test_errors_count_downwards():
    table = Table()
    judgement = judge(table.predictor("cnn", 0.3, metric="mse"), [table.predictor("linear", 1, metric="mse")])
    assert (judgement.verdict, judgement.differences[0].difference < 0) == ("better", True)
    judgement = judge(table.predictor("cnn", 1, metric="mse"), [table.predictor("linear", 0.3, metric="mse")])
    assert judgement.verdict == "worse"


def test_three_seeds_speak_of_the_recipe():
    table = Table()
    judgement = judge(table.predictor("cnn", 0.3, seeds=3), [table.predictor("linear", 1)])
    assert judgement.recipe
    assert judgement.differences[0].recipes
    assert judgement_sentence(judgement, WORDS).endswith(": the recipe is better than linear.")
    assert len(judgement.model.of_seeds) == 3


def test_cell_types_are_judged_one_by_one_too():
    table = Table(60, ("A549", "HepG2", "K562"))
    model = table.predictor("cnn", np.where(table.samples == "HepG2", 0.1, 1.0))
    judgement = judge(model, [table.predictor("linear", 1)])
    assert judgement_sentence(judgement, WORDS).endswith(
        ". Cell types one by one: better in 1 of 3 cell types, no clear difference in 2."
    )
    # Five in a hundred are shared by three cell types: their tests are stricter, their scores keep 95 %.
    hepg2 = judgement.by_sample[1]
    assert hepg2.model == score_of(model, sample="HepG2")
    alone = differences(model, [table.predictor("linear", 1)], sample="HepG2")[0]
    widths = [test.high - test.low for test in (hepg2.differences[0], alone)]
    assert widths[0] > 1.15 * widths[1]


def test_untrained_network_worse_in_six_of_six_cell_types_is_worse():
    table = Table(100, tuple("abcdef"))
    judgement = judge(
        table.given("cnn", table.generator.normal(size=table.n)), [table.predictor(f"b{i}", 0.5) for i in range(4)]
    )
    assert judgement.verdict == "worse"
    assert judgement_sentence(judgement, WORDS).endswith("Cell types one by one: worse in all 6 cell types.")
    assert "shows no skill (guessing reaches 0)" in judgement_sentence(judgement, WORDS)


def test_new_cell_types_need_six_of_them():
    question = Question(new_samples=True)
    three, six = (Table(40, tuple("abcdef")[:n]) for n in (3, 6))
    few, enough = (judge(t.predictor("cnn", 0.3), [t.predictor("linear", 1)], question) for t in (three, six))
    assert (few.verdict, few.model.low) == ("too few samples", None)
    assert "too few cell types to say more (3 cell types, at least 6 are needed for new ones)" in judgement_sentence(
        few, WORDS
    )
    assert [one.verdict for one in few.by_sample] == ["better"] * 3
    assert enough.verdict == "better"


def test_comparisons_of_one_question_share_its_error():
    table = Table()
    a, others = table.predictor("a", 1), [table.predictor(name, 1) for name in "bcdef"]
    alone, together = differences(a, others[:1])[0], differences(a, others)[0]
    assert together.n_comparisons == 5
    assert together.p_value == pytest.approx(min(1, 5 * alone.p_value))
    assert together.high - together.low > alone.high - alone.low
    assert (together.difference, together.standard_error) == (alone.difference, alone.standard_error)


def test_large_difference_is_found_among_190():
    table = Table()
    a, others = table.predictor("a", 0.3), [table.predictor(str(i), 2) for i in range(190)]
    assert all(one.verdict == "better" for one in differences(a, others))


def test_two_seeds_that_differ_little_are_no_clear_difference():
    table = Table(300)
    found = differences(table.predictor("seed 1", 1), [table.predictor("seed 2", 1)])[0]
    assert found.verdict == "no clear difference"
    assert difference_sentence(found, WORDS).startswith("seed 1 and seed 2: no clear difference (Pearson r ")
    assert difference_sentence(found, WORDS).endswith("; these trained models).")


def test_difference_that_matters_and_could_not_be_seen_is_too_little_data():
    table = Table(30)
    found = differences(table.predictor("a", 1), [table.predictor("b", 1)], scale=0.05)[0]
    assert found.verdict == "too little data"
    assert difference_sentence(found, WORDS).endswith(f"; a difference below {found.detectable:.3f} would be missed.")


def test_two_weak_models_on_few_genes_are_too_little_data_without_being_told_what_matters():
    table = Table(12)
    assert differences(table.predictor("a", 3), [table.predictor("b", 3)])[0].verdict == "too little data"


def test_constant_and_broken_predictors_are_named_and_stop_nothing():
    table = Table()
    model = table.predictor("cnn", 0.3)
    constant, broken = table.given("train_mean", 0.5), table.given("diverged", np.nan)
    judgement = judge(model, [constant, broken, table.predictor("linear", 1)])
    assert judgement.verdict == "better"
    assert [test.verdict for test in judgement.differences] == ["none", "none", "better"]
    assert judgement.differences[0].remark == "train_mean: constant predictions"
    assert [score.estimate for score in judgement.baselines[:2]] == [None, None]
    assert judgement.strongest == "linear"
    sentence = judgement_sentence(judge(constant, [model]), WORDS)
    assert sentence == "train_mean is not compared: constant predictions."
    assert judgement_sentence(judge(broken, [model]), WORDS) == (
        "diverged is not compared: NaN predictions for 120 of 120 rows."
    )


def test_broken_predictor_does_not_count_as_a_comparison():
    table = Table()
    a, b, broken = table.predictor("a", 1), table.predictor("b", 1), table.given("c", np.inf)
    assert differences(a, [b, broken])[0] == differences(a, [b])[0]


def test_model_beside_constants_alone_has_its_skill():
    table = Table()
    judgement = judge(table.predictor("cnn", 0.3), [table.given("train_mean", 0.5)])
    assert (judgement.verdict, judgement.has_skill) == ("none", True)
    assert judgement_sentence(judgement, WORDS).endswith(
        ": no baseline was compared (train_mean: constant predictions)."
    )


def test_model_without_baselines_has_its_score():
    judgement = judge(Table().predictor("cnn", 0.3), [])
    assert (judgement.verdict, judgement.strongest) == ("none", None)
    assert judgement_sentence(judgement, WORDS).endswith(": there is no baseline to compare with.")


def test_perfect_predictor_has_no_interval_and_is_compared():
    table = Table()
    perfect, other = table.given("oracle", table.labels), table.predictor("linear", 1)
    assert (score_of(perfect).low, score_of(perfect).remark) == (None, "a perfect or empty score has no interval")
    found = differences(perfect, [other])[0]
    assert (found.verdict, found.standard_error) == ("better", score_of(other).standard_error)


def test_calibration_error_has_neither_interval_nor_verdict():
    generator = np.random.default_rng(0)
    labels = generator.uniform(size=50) < 0.5
    rows = Rows.of(labels, np.arange(50), np.zeros(50))
    model = scored(rows, Predictions("cnn", generator.uniform(size=(1, 50))), "ece")
    assert score_of(model).low is None
    assert differences(model, [model])[0].remark == "ECE has no interval and is not compared"


def test_yardstick_is_what_the_best_baseline_gains_over_a_constant():
    table = Table(2000)
    best = table.predictor("linear", 1)
    assert yardstick([best, table.predictor("k_mers", 5)]) == pytest.approx(score_of(best).estimate)
    assert yardstick([table.given("noise", np.random.default_rng(5).normal(size=2000))]) == 0.1
    errors = table.predictor("linear", 0.5, metric="mse")
    assert yardstick([errors]) == pytest.approx(np.var(table.labels) - score_of(errors).estimate)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (
            ["better", "no clear difference", "no clear difference"],
            "better in 1 of 3 cell types, no clear difference in 2",
        ),
        (["worse", "too few units"], "worse in 1 of 2 cell types, too few genes to say in 1"),
        (["too little data"] * 2, "too little data to say in all 2 cell types"),
        (["none", "better"], "better in 1 of 2 cell types, not compared in 1"),
    ],
)
def test_counts_are_said_in_the_familys_words(verdicts, sentence):
    assert counts_sentence(verdicts, WORDS) == sentence


def test_sample_without_a_score_is_refused():
    with pytest.raises(InputError, match="sample HepG2 has no score of a, expected one of K562"):
        score_of(Table().predictor("a", 1), sample="HepG2")


def test_predictors_of_other_metrics_are_not_compared():
    table = Table()
    with pytest.raises(InputError, match="a and b are scored on other samples or by other metrics, expected the same"):
        differences(table.predictor("a", 1), [table.predictor("b", 1, metric="mse")])
