"""Family `histone`: histone marks around the TSS, networks on their bins, genes on or off or their log expression."""

from gxtool.models.base import Column, Family, Noun, Reference, Target
from gxtool.models.histone.benchmark import ROADMAP

_POSTER = "Singh et al., AttentiveChrome poster, NeurIPS 2017 (mean over 56 cell types)"
_FIGURE = "GeneNet, images/auc.png, digitised (+-0.002; mean over 56)"

FAMILY = Family(
    name="histone",
    title="Histone marks, 1D ConvNet",
    summary="Histone marks in bins around the TSS -> is the gene's expression above the median, or its logarithm?",
    kind="binary",
    default_preset="convnet",
    parameters={
        "attentivechrome": 55681,
        "convnet": 108674,
        "convnet-published": 782845,
        "deepchrome": 644177,
        "tiny": 994,
    },
    columns=(
        Column("sample", "cell type"),
        Column("data", "folder or archive of its train.csv, valid.csv and test.csv, or one table", True, False),
        Column(
            "*", "track of the mark that the column is called after: bigWig, or BAM or CRAM with index", True, False
        ),
        Column("annotation", "genes as GTF or GFF3 (with tracks)", True, False),
        Column(
            "expression", "table of gene and expression, one column per cell type (with tracks, DeepDiff)", True, False
        ),
        Column(
            "other_expression", "table of expression of the same genes, one column per other cell type", True, False
        ),
        Column("control", "reads of the input control, BAM or CRAM (with tracks)", True, False),
        Column("blacklist", "regions whose bins are set to 0, BED (with tracks)", True, False),
        Column("reference", "genome that a CRAM was made with, FASTA with index", True, False),
    ),
    metrics=("auroc", "auprc", "accuracy", "brier", "ece"),
    config="config:HistoneConfig",
    model="model:HistoneModel",
    expand="examples:expand",
    check="check:check",
    preprocess="examples:preprocess",
    encode="encode:encode",
    collate="features:collate",
    fit="features:fit",
    predict="features:predict",
    features="features:features",
    baselines={
        "gene_average": "gxtool.measure.baselines:group_elsewhere",
        "sum_h3k4me3": "baselines:sum_h3k4me3",
        "logistic_regression": "gxtool.measure.baselines:logistic_regression",
        "gradient_boosting": "gxtool.measure.baselines:gradient_boosting",
    },
    perturbations={
        "drop_mark": "perturb:drop_mark",
        "average_mark": "perturb:average_mark",
        "scale_mark": "perturb:scale_mark",
        "shift_mark": "perturb:shift_mark",
        "blank_run": "perturb:blank_run",
        "blank_bin": "perturb:blank_bin",
    },
    maps=("blank_run", "blank_bin"),
    direct={"blank_run": "blanking:blank_run_directly", "blank_bin": "blanking:blank_bin_directly"},
    path="perturb:signal_path",
    places="perturb:signal_places",
    readouts={"attention": "perturb:attention", "attention_marks": "perturb:attention_marks"},
    predictions={"predictions.tsv": "features:write_predictions"},
    targets={
        "log_expression": Target(
            kind="regression",
            metrics=("pearson", "spearman", "r2_score", "mse"),
            baselines={
                "gene_average": "gxtool.measure.baselines:group_elsewhere_line",
                "sum_h3k4me3": "baselines:sum_h3k4me3_line",
                "ridge": "gxtool.measure.baselines:ridge",
                "gradient_boosting": "baselines:boosted_values",
            },
            predict="features:predict_value",
            predictions={"predictions.tsv": "features:write_values"},
        )
    },
    sections=("report:data_sections", "maps:map_sections"),
    simulate="gxtool.simulate.histone_marks:simulate",
    simulations={"tracks": "gxtool.simulate.histone_tracks:simulate"},
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
        Reference("DeepChrome", "auroc", 0.8008, _POSTER, ROADMAP),
        Reference("AttentiveChrome", "auroc", 0.8115, _POSTER, ROADMAP),
        Reference("published ConvNet", "auroc", 0.812, _FIGURE, ROADMAP),
    ),
    benchmark="benchmark:benchmark_of",
    demo=({"name": "histone-convnet", "preset": "convnet", "set": {"training.epochs": 12, "perturb.map_rows": 50}},),
    reads="bigWig, BAM or CRAM with GTF or GFF3; the tables of Zenodo record 2652278 and of DeepDiff",
    group=Noun("gene", "genes"),
    sample=Noun("cell type", "cell types"),
)
