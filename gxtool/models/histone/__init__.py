"""Family `histone`: five histone marks around the TSS, a 1D convolutional network, genes on or off."""

from gxtool.models.base import Column, Family, Reference

_POSTER = "Singh et al., AttentiveChrome poster, NeurIPS 2017 (mean over 56 cell types)"

FAMILY = Family(
    name="histone",
    title="Histone marks, 1D ConvNet",
    summary="Read counts of histone marks in 100 bins around the TSS -> is the gene's expression above the median?",
    kind="binary",
    default_preset="convnet",
    parameters={"convnet": 108674, "convnet-published": 782845, "tiny": 994},
    columns=(
        Column("sample", "cell type"),
        Column("data", "its folder or archive with train.csv, valid.csv and test.csv, or one table", path=True),
    ),
    metrics=("auroc", "auprc", "accuracy", "brier", "ece"),
    config="config:HistoneConfig",
    model="model:HistoneModel",
    expand="features:expand",
    check="check:check",
    preprocess="features:preprocess",
    encode="features:encode",
    collate="features:collate",
    fit="features:fit",
    predict="features:predict",
    features="features:features",
    baselines={
        "sum_h3k4me3": "baselines:sum_h3k4me3",
        "logistic_regression": "gxtool.measure.baselines:logistic_regression",
        "gradient_boosting": "gxtool.measure.baselines:gradient_boosting",
    },
    perturbations={"drop_mark": "perturb:drop_mark", "average_mark": "perturb:average_mark"},
    predictions={"predictions.tsv": "features:write_predictions"},
    sections=("report:data_sections",),
    simulate="gxtool.simulate.histone_marks:simulate",
    aliases={
        "epochs": "training.epochs",
        "batch_size": "training.batch_size",
        "lr": "training.learning_rate",
        "lr_decay": "training.lr_decay",
        "mix": "training.mix",
        "debug": "training.histograms",
        "data_dir": "--input",
        "save_dir": "--output",
    },
    references=(
        Reference("DeepChrome", "auroc", 0.8008, _POSTER),
        Reference("AttentiveChrome", "auroc", 0.8115, _POSTER),
        Reference("published ConvNet", "auroc", 0.812, "GeneNet, images/auc.png, digitised (+-0.002; mean over 56)"),
    ),
    demo={"convnet": {"training.epochs": 12}, "tiny": {}},
    group="gene",
    sample="cell type",
)
