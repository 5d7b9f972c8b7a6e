"""What headers and tables say of a failure is said by `config` and `check`, in one sentence, before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pybigtools
import pytest
from dry_run_inputs import (
    MARKS,
    PROMOTERS,
    SMALL,
    promoters,
    sheet,
    table_cell,
    tables,
    tracks,
    unlabelled,
)
from typer.testing import CliRunner

from gxtool import api
from gxtool.cli import app
from gxtool.errors import ConfigError, GxtoolError, InputError
from gxtool.models import look as look_module
from gxtool.models.look import Look
from gxtool.models.plan import RunRequest

# what is wrong -> how the sheet is made, family, settings, exit code, sentence
HOSTILE: dict[str, tuple[Callable[[Path], Path], str, tuple[str, ...], int, str]] = {
    "too few cell types": (
        lambda f: tables(f, "E1", "E2"),
        "histone",
        (*SMALL, "data.split=cell_type", "training.per_sample=false"),
        3,
        "split by sample: the data have 2 (E1, E2), expected at least 3, one for each fold",
    ),
    "too few chromosomes": (
        lambda f: tracks(f, ["chr1", "chr2"]),
        "histone",
        SMALL,
        3,
        "split by chrom: the data have 2 (chr1, chr2), expected at least 3, one for each fold",
    ),
    "a split that tables cannot make": (
        lambda f: tables(f, "E1"),
        "histone",
        (*SMALL, "data.split=chromosome"),
        3,
        "data.split=chromosome: these tables do not say where a gene lies",
    ),
    "a target without expression": (
        lambda f: tables(f, "E1"),
        "histone",
        (*SMALL, "data.target=log_expression"),
        3,
        "data.target=log_expression: these tables hold labels and no expression, expected target label",
    ),
    "a target that no column has": (
        promoters,
        "proformer",
        (*PROMOTERS, "data.target=growth"),
        4,
        "expected target to be one of targets (expression), found growth",
    ),
    "one class only": (
        lambda f: tables(f, "E1", test=[1, 1, 0, 1], val=[0, 1, 0, 1], train=[0, 0, 0, 0]),
        "histone",
        SMALL,
        3,
        "classification/train.csv, column 5: all 4 genes have label 0, expected 0 and 1",
    ),
    "one class only on a chromosome": (
        lambda f: tracks(f, expression="".join(f"g{n}\t{(1, 9, n)[n % 3]}\n" for n in range(12))),
        "histone",
        SMALL,
        3,
        "sheet.csv: sample liver: fold 0: all 4 val labels are 1, expected both classes",
    ),
    "tables of expression of two kinds": (
        lambda f: sheet(f, f"sample,data\nE1,{table_cell(f / 'E1')}\nE2,{unlabelled(f / 'E2.csv')}\n"),
        "histone",
        SMALL,
        3,
        "sample E2: has other columns than E1, expected labels or expression in all or none",
    ),
    "a mark in other case": (
        lambda f: tracks(f, marks=("h3k4me3", "H3K9me3")),
        "histone",
        SMALL,
        3,
        "column h3k4me3 is no mark of data.marks, did you mean H3K4me3?",
    ),
    "a mark without a track": (
        tracks,
        "histone",
        ("data.n_bins=3", "data.marks=[H3K4me3, H3K9me3, H3K27ac]"),
        3,
        "sample liver: has no track of H3K27ac, expected one for each of data.marks",
    ),
    "other marks than the tables have": (
        lambda f: tables(f, "E1"),
        "histone",
        ("data.n_bins=3",),
        3,
        "train.csv, line 1: has 5 columns, expected 8 (GeneID, BinID, H3K27me3,",
    ),
    "expression all equal": (
        lambda f: tracks(f, expression="".join(f"g{n}\t7\n" for n in range(12))),
        "histone",
        SMALL,
        3,
        "all 12 values of expression are 7, expected values that differ",
    ),
    "expression of other genes": (
        lambda f: tracks(f, expression="YFG1\t7\nYFG2\t8\n"),
        "histone",
        SMALL,
        3,
        "has values for genes such as YFG1, YFG2 and for none of",
    ),
    "a baseline that does not apply, asked for by name": (
        lambda f: tables(f, "E1"),
        "histone",
        ("data.n_bins=3", "data.marks=[DNase, CTCF]", "evaluation.baselines=[sum_h3k4me3]"),
        4,
        "evaluation.baselines: sum_h3k4me3 does not apply, the data have no mark H3K4me3; expected others, or all",
    ),
    "a baseline nobody has": (
        promoters,
        "proformer",
        (*PROMOTERS, "evaluation.baselines=[gc_contents]"),
        4,
        "evaluation.baselines: proformer has none called gc_contents, did you mean gc_content?",
    ),
    "a metric nobody has": (
        promoters,
        "proformer",
        (*PROMOTERS, "training.monitor=auroc"),
        4,
        "training.monitor is 'auroc', no metric of proformer",
    ),
    "a perturbation nobody has": (
        lambda f: tables(f, "E1"),
        "histone",
        (*SMALL, "perturb.kinds=[drop_marks]"),
        4,
        "perturb.kinds: drop_marks is no perturbation of histone, did you mean drop_mark?",
    ),
    "attention of a network without it": (
        lambda f: tables(f, "E1"),
        "histone",
        (*SMALL, "perturb.kinds=[drop_mark, attention]"),
        4,
        "perturb.kinds: attention is asked for, but model.architecture=convnet has no attention; expected others, or",
    ),
    "motifs that no sample has": (
        promoters,
        "proformer",
        (*PROMOTERS, "perturb.kinds=[motif_scan]"),
        4,
        "perturb.kinds: motif_scan is asked for, but no sample has motifs; expected others, or all",
    ),
    "a hostile name": (
        lambda f: sheet(f, f"sample,data\n../x,{table_cell(f / 'E1')}\n"),
        "histone",
        SMALL,
        3,
        "the sample name '../x' starts with '.'",
    ),
    "promoters without the files of the split": (
        lambda f: promoters(f, data=60, test=20),
        "proformer",
        (*PROMOTERS, "data.split=file"),
        3,
        "data.split=file: sample yeast has no file of val sequences, expected train, val and test",
    ),
    "promoters that are all alike": (
        lambda f: promoters(f, lambda n: 3.0),
        "proformer",
        PROMOTERS,
        3,
        "train values are 3, expected values that differ",
    ),
    "too few promoters to hold some out": (
        lambda f: promoters(f, data=3),
        "proformer",
        PROMOTERS,
        3,
        "sheet.csv: fold 0 has no val rows, expected some in train, val and test",
    ),
    "nothing to learn from": (
        lambda f: promoters(f, test=20),
        "proformer",
        PROMOTERS,
        3,
        "the samples have no values to learn from, expected labelled data",
    ),
    "an assembly that tracks do not have": (
        tracks,
        "histone",
        (*SMALL, "data.assembly=hg38"),
        3,
        "chromosome 1 has 60,000 bases, expected 248,956,422 as data.assembly=hg38 has",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_would_fail_later_is_refused_by_config_and_listed_by_check(case: str, tmp_path: Path) -> None:
    make, family, settings, code, sentence = HOSTILE[case]
    path, plan = make(tmp_path), tmp_path / "plan.json"
    options = ["--model", family, *(part for text in settings for part in ("--set", text))]
    refused = CliRunner().invoke(app, ["config", *options, "--input", str(path), "--output", str(plan)])
    assert isinstance(refused.exception, GxtoolError), refused.output
    assert (refused.exception.exit_code, "\n" in str(refused.exception), plan.exists()) == (code, False, False)
    assert sentence in str(refused.exception)
    checked = CliRunner().invoke(app, ["check", str(path), *options, "--json"])
    if isinstance(checked.exception, GxtoolError):  # a value that no configuration can have
        assert (checked.exception.exit_code, sentence in str(checked.exception)) == (code, True)
        return
    content = json.loads(checked.stdout)
    assert (checked.exit_code, content["exit_code"]) == (code, code)
    assert any(sentence in problem for problem in content["problems"]), content["problems"]


def test_check_lists_every_problem_it_finds_and_prints_them(tmp_path: Path) -> None:
    path = tables(tmp_path, "E1", "E2", test=[1, 1, 1, 0])
    (tmp_path / "E2" / "classification" / "test.csv").unlink()
    settings = api.Settings("histone", set=(*SMALL, "training.monitor=aurok", "perturb.kinds=[drop]"))
    found = api.check(path, settings)
    assert found.exit_code == 3
    assert [problem.split(",")[0] for problem in found.problems] == [
        f"{tmp_path}/E2/classification: has train.csv",
        "training.monitor is 'aurok'",
        "perturb.kinds: drop is no perturbation of histone",
    ]
    printed = CliRunner().invoke(app, ["check", str(path), "--model", "histone", *(f"--set={t}" for t in settings.set)])
    assert printed.exit_code == 3
    for problem in found.problems:
        assert f"error: {problem}" in printed.output
    assert "nothing looks wrong" not in printed.output


def test_many_samples_of_the_same_tables_are_told_apart_in_a_few_sentences(tmp_path: Path) -> None:
    table_cell(tmp_path / "E1")
    names = [f"E{n}" for n in range(1, 2_000)]
    path = sheet(tmp_path, "sample,data\n" + "".join(f"{name},E1\n" for name in names))
    found = api.check(path, api.Settings("histone", set=SMALL))
    assert len(found.problems) == len(names) - 1
    table = tmp_path / "E1" / "classification" / "test.csv"
    assert found.problems[0] == f"sample E2: names the tables of sample E1 ({table}), expected each cell type's own"
    with pytest.raises(InputError, match="sample E2: names the tables of sample E1"):
        api.preprocess(path, tmp_path / "examples", api.Settings("histone", set=SMALL))
    assert not (tmp_path / "examples").exists()
    arguments = ["check", str(path), "--model", "histone", *(f"--set={one}" for one in SMALL)]
    printed = CliRunner().invoke(app, arguments).stderr
    assert printed.count("names the tables of") == 20
    assert "error: and 1,978 more (--json lists all)" in printed


def test_any_set_of_marks_is_planned_and_says_which_baselines_are_left_out(tmp_path: Path) -> None:
    path, marks = tables(tmp_path, "E1"), "data.marks=[DNase, CTCF]"
    request = RunRequest("histone", path, assignments=("data.n_bins=3", marks))
    plan = api.plan([request], tmp_path / "plan.json")
    assert "run convnet: baseline sum_h3k4me3 is left out: the data have no mark H3K4me3" in plan["notes"]
    facts = dict(api.check(path, api.Settings("histone", set=("data.n_bins=3", marks))).facts)
    assert facts["baselines"] == (
        "gene_average, logistic_regression, gradient_boosting; left out: sum_h3k4me3 (the data have no mark H3K4me3)"
    )
    assert facts["roles"] == "4 train, 4 val, 4 test rows"


def test_inputs_that_cannot_be_seen_are_named_and_the_plan_is_made(tmp_path: Path) -> None:
    path = sheet(tmp_path, "sample,data\nE1,E1\nE2,E2\n")
    request = RunRequest("histone", path, assignments=SMALL, base="s3://bucket/data")
    plan = api.plan([request], tmp_path / "plan.json")
    assert plan["notes"] == ["not checked: s3://bucket/data/E1 and 1 more is not local"]
    # The number of samples is known all the same.
    split = ("data.split=cell_type", "training.per_sample=false")
    with pytest.raises(InputError, match="expected at least 3, one for each fold"):
        api.plan([RunRequest("histone", path, assignments=(*SMALL, *split), base="s3://b")], tmp_path / "plan.json")


def test_large_tables_are_not_read_by_config_but_their_first_lines_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tables(tmp_path, "E1", train=[0, 0, 0, 1])
    monkeypatch.setattr(look_module.Look.__init__, "__defaults__", (True, 10))
    monkeypatch.setattr("gxtool.models.histone.check.read_bins_tables", lambda *_: pytest.fail("was read"))
    notes = api.plan([RunRequest("histone", path, assignments=SMALL)], tmp_path / "plan.json")["notes"]
    assert notes == [f"not checked: {tmp_path}/E1 is too large to be read here; `gxtool check` reads it"]
    with pytest.raises(InputError, match=r"train\.csv, line 1: "):
        api.plan([RunRequest("histone", path, assignments=("data.n_bins=3",))], tmp_path / "plan.json")
    with pytest.raises(InputError, match="tables hold labels and no expression"):
        target = (*SMALL, "data.target=log_expression")
        api.plan([RunRequest("histone", path, assignments=target)], tmp_path / "plan.json")


def test_the_comments_of_a_large_annotation_say_its_assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tracks(tmp_path)
    for mark in MARKS:
        signal = [("chr1", 10, 20, 1.0)]
        pybigtools.open(str(tmp_path / f"{mark}.bw"), "w").write({"chr1": 249_250_621}, iter(signal))
    text = (tmp_path / "genes.gtf").read_text()
    (tmp_path / "genes.gtf").write_text(f"##description: the human genome (GRCh38), version 43\n{text}")
    monkeypatch.setattr(look_module.Look.__init__, "__defaults__", (True, 10))
    with pytest.raises(InputError) as caught:
        api.plan([RunRequest("histone", path, assignments=SMALL)], tmp_path / "plan.json")
    assert str(caught.value) == (
        f"{tmp_path}/genes.gtf: is of assembly hg38, but {tmp_path}/H3K4me3.bw has the chromosome lengths of hg19; "
        "expected both of one assembly"
    )


def test_folds_that_the_split_has_not_are_refused(tmp_path: Path) -> None:
    request = RunRequest("histone", tables(tmp_path, "E1"), assignments=SMALL, folds=(0, 2))
    with pytest.raises(ConfigError, match=r"run convnet: data\.split=auto has no fold 2, expected 0"):
        api.plan([request], tmp_path / "plan.json")


def test_check_warns_of_few_rows_of_a_class(tmp_path: Path) -> None:
    found = api.check(tables(tmp_path, "E1", test=[1, 0, 0, 0]), api.Settings("histone", set=SMALL))
    assert found.exit_code == 0
    assert (
        "E1: only 1 test row has label 1 in fold 0: scores will be mostly chance (at least 10 are better)"
        in found.warnings
    )


def test_a_look_keeps_each_sentence_once_and_goes_on() -> None:
    look = Look()
    for _ in range(2):
        with look.collect():
            raise InputError("a.csv: is empty")
    with look.collect():
        raise ConfigError("other")
    assert [str(problem) for problem in look.problems] == ["a.csv: is empty", "other"]


def at_distance(folder: Path, away: int) -> Path:
    """Write a cell type whose H3K4me3 stands `away` bases behind each of 60 TSS, and its sheet."""
    starts = [400_000 + 7_000 * n for n in range(60)]
    signal = sorted(("chr1", start + away - 200, start + away + 200, 9.0) for start in starts)
    pybigtools.open(str(folder / "k4.bw"), "w").write({"chr1": 3_000_000}, iter(signal))
    lines = [f'chr1\ttest\tgene\t{at + 1}\t{at + 500}\t.\t+\t.\tgene_id "g{n}";\n' for n, at in enumerate(starts)]
    (folder / "genes.gtf").write_text("".join(lines))
    (folder / "expression.tsv").write_text("gene\tliver\n" + "".join(f"g{n}\t{n}\n" for n in range(60)))
    return sheet(folder, "sample,H3K4me3,annotation,expression\nliver,k4.bw,genes.gtf,expression.tsv\n")


def test_check_warns_when_a_promoter_mark_does_not_stand_at_the_tss(tmp_path: Path) -> None:
    settings = api.Settings("histone", set=("data.marks=[H3K4me3]", "data.split=gene"))
    sentence = (
        "liver: H3K4me3 is 0.0 times as high at the TSS as 100,000 bp away, expected at least 1.5 times: "
        "are annotation and tracks of one assembly?"
    )
    assert sentence not in api.check(at_distance(tmp_path, 0), settings).warnings
    assert sentence in api.check(at_distance(tmp_path, 100_000), settings).warnings
