"""What was designed: how much proposals gain beside random edits, who judged them, and the best of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gxtool.measure.faults import listing
from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial

USE = (
    "A prediction is no measurement: what stands here was never made, and models err most on sequences unlike those "
    "they learnt from. Proposals are candidates for an experiment, with their random edits as its control. Design is "
    "for studying how sequence sets expression and for building reporters and libraries. It knows nothing of what a "
    "sequence does in a living thing, and it is not for making anything more harmful or for getting around the "
    "screening of orders: proposals go through the provider's screening and the rules of the laboratory like any other."
)
GOALS = {"max": "as high as possible", "min": "as low as possible"}
LOST = {"not_improved": "not better", "unrepairable": "not mended", "rejected": "rejected"}
# Findings told in words, and rows of the table of the best, over all runs and samples.
FINDINGS, BEST = 3, 20
EYES = {"predicted": "designer", "judged": "judge"}
FLAGS = {
    "beyond_labels": "beyond labels",
    "overused": "overused word",
    "unfamiliar": "unfamiliar",
    "disputed": "disputed",
}


class Designed(NamedTuple):
    """The designs of one run for one sample: summary.json, and its part about the sample."""

    whole: Mapping[str, Any]
    sample: Mapping[str, Any]

    @property
    def run(self) -> str:
        """Return the run whose models designed."""
        return str(self.whole.get("run") or "")

    @property
    def judge(self) -> str:
        """Return the run whose models judged."""
        return str(self.whole["judge"]["run"])


def designs_part(family: FamilyMaterial) -> Part | None:
    """Show what each run designed; nothing when none did."""
    summaries = family.context.designs if family.context else ()
    found = [Designed(whole, sample) for whole in summaries for sample in whole.get("samples") or ()]
    if not found:
        return None
    items: list[Block] = [_overview(family, found)]
    drawn = [one for one in found if one.sample["gains"]["judged"]["proposal"]]
    if drawn:
        charts = tuple(_chart(drawn, eye) for eye in EYES)
        labels = tuple(f"{one.run}, {one.sample['sample']}" for one in drawn) if len(drawn) > 1 else ("",)
        items.append(Gallery(charts, f"Run and {family.sample_word}", labels))
        items.append(_best(family, drawn))
    text = " ".join([*_said(summaries), *map(_finding, found[:FINDINGS])])
    return Part("Designed sequences", text, tuple(items), (Part("What designs are for, and what not", USE),))


def _finding(one: Designed) -> str:
    """Say what the judge makes of the proposals, beside random edits."""
    gains = one.sample["gains"]["judged"]
    if not gains["difference"]:
        return f"{one.run} found {formats.plural(one.sample['n_proposals'], 'proposal')} for {one.sample['sample']}."
    more = gains["difference"]
    return (
        f"According to {one.judge}, the proposals of {one.run} for {one.sample['sample']} gain "
        f"{formats.signed(gains['proposal']['mean'], 2)} on average, {formats.signed(more['estimate'], 2)} "
        f"({formats.interval(more['low'], more['high'], 2, sign=True)}) more than random edits do; {_flagged(one)}."
    )


def _flagged(one: Designed) -> str:
    """Say how many proposals are out of distribution, and the share of each flag."""
    n, flags = one.sample["n_proposals"], one.sample["flags"]["proposal"]
    share = {name: f"{100 * count / max(1, n):.0f} %" for name, count in flags.items()}
    said = [
        f"{flags['out_of_distribution']:,} of {n:,} ({share['out_of_distribution']}) are out of distribution: "
        f"{share['beyond_labels']} are predicted beyond the training labels ({_ends(one)}), {share['overused']} hold a "
        f"word more often than 99.9 % of training rows{_most_overused(one)}, {share['unfamiliar']} are of unfamiliar "
        f"composition, and of {share['disputed']} designer and judge disagree"
    ]
    return "".join(said)


def _ends(one: Designed) -> str:
    return " to ".join(formats.number(float(end), 2) for end in one.sample["limits"]["labels"])


def _most_overused(one: Designed) -> str:
    """Name the word that is beyond its limit most often."""
    words = one.sample["words"]
    if "word" not in words:
        return ""
    before, after = (formats.number(words[f"per_{kind}"], 1) for kind in ("start", "proposal"))
    return f" (most of all {words['word']}: {before} per start, {after} per proposal)"


def _said(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what was looked for, under which constraints, and who judged; runs that did the same in one sentence."""
    asked: dict[str, list[str]] = {}
    for whole in summaries:
        config = whole["config"]
        goal = GOALS.get(config["goal"], f"near {formats.number(config['value'])}")
        limits = f"; {found}" if (found := _limits(config)) else ""
        most = f"at most {formats.plural(config['max_edits'], 'edit')}{limits}"
        asked.setdefault(f"predictions {goal} by {config['strategy']} search ({most})", []).append(str(whole["run"]))
    said = [
        "Sequences were edited until the models of one run predict what is wanted; then models of another run, the "
        "judge, which the search never asked, gave a second opinion."
    ]
    said += [f"Looked for by {listing(runs)}: {what}." for what, runs in asked.items()]
    alike = [f"{one['judge']['run']} for {one['run']}" for one in summaries if one["judge"]["same_network"]]
    if alike:
        said.append(
            f"Of the same kind of network as the designer, with errors in common, are these judges: {'; '.join(alike)}."
        )
    return said


def _limits(config: Mapping[str, Any]) -> str:
    said = []
    if config["protected"]:
        said.append(f"positions {listing(list(config['protected']))} kept")
    if (config["gc_min"], config["gc_max"]) != (0, 1):
        said.append(f"GC {formats.number(float(config['gc_min']), 2)} to {formats.number(float(config['gc_max']), 2)}")
    if config["max_homopolymer"]:
        said.append(f"runs of at most {config['max_homopolymer']}")
    if config["forbidden"]:
        said.append(f"no {' or '.join(config['forbidden'])}")
    return ", ".join(said)


def _overview(family: FamilyMaterial, found: Sequence[Designed]) -> blocks.Table:
    """List for each run and sample how many starts became proposals, and what these gain."""
    columns = ("Run", family.sample_word.capitalize(), "Judge", "Starts", "Proposals", "Gain, designer", "Gain, judge")
    columns += ("Beyond random edits, judge", "Flagged", "Not proposed")
    rows = []
    for one in found:
        sample, gains = one.sample, one.sample["gains"]
        means = [formats.nested(gains, eye, "proposal", "mean") for eye in EYES]
        more = gains["judged"]["difference"] or {}
        between = formats.interval(more.get("low"), more.get("high"), 2, sign=True)
        lost = [f"{sample[reason]:,} {words}" for reason, words in LOST.items() if sample[reason]]
        rows.append(
            [
                blocks.text(one.run),
                blocks.text(sample["sample"]),
                blocks.text(one.judge),
                blocks.num(sample["n_starts"]),
                blocks.num(sample["n_proposals"]),
                *(blocks.num(mean, formats.signed(mean, 2)) for mean in means),
                blocks.num(more.get("estimate"), formats.signed(more.get("estimate"), 2), remark=between),
                blocks.num(sample["flags"]["proposal"]["out_of_distribution"]),
                blocks.text(", ".join(lost) or "none"),
            ]
        )
    note = (
        "Gain: mean change of the prediction towards what is wanted. Beyond random edits: more than as many random "
        "edits of the same starts gain, with the 95 % interval over starts. Flagged: out of distribution. Not "
        "proposed: starts of which no edit was better, starts that break a constraint which no edits mend, and what "
        "the last, separate check rejected."
    )
    return blocks.table("What was proposed", columns, rows, note)


def _chart(drawn: Sequence[Designed], eye: str) -> Chart:
    look = Look((0, 2), ("model", "baseline"))
    return Chart(tuple(_figure(one, eye) for one in drawn), tuple(look for _ in drawn))


def _figure(one: Designed, eye: str) -> Figure:
    gains = one.sample["gains"]
    curves = {"proposals": gains[eye]["proposal"], "random edits": gains[eye]["random"]}
    shown = {name: curve["quantiles"] for name, curve in curves.items() if curve}
    # Both figures have one scale: the judge's gains are to be seen beside the designer's.
    ends = [
        end for own in gains.values() for kind in ("proposal", "random") if own[kind] for end in own[kind]["quantiles"]
    ]
    halves = [f"half of the {name} gain at least {formats.signed(_half(curve), 2)}" for name, curve in shown.items()]
    sentence = f"{'; '.join(halves)}."
    return Figure(
        f"Gain according to the {EYES[eye]}, {one.run} on {one.sample['sample']}",
        sentence[0].upper() + sentence[1:],
        "Gain (unit of the labels)",
        "Share that gains at least this",
        tuple(Trace(name, tuple(values), _shares(values)) for name, values in shown.items()),
        (ReferenceLine("no gain", 0.0, "x"),),
        x_range=(min(ends), max(ends)),
        y_range=(0.0, 1.1),
    )


def _half(quantiles: Sequence[float]) -> float:
    return quantiles[len(quantiles) // 2]


def _shares(quantiles: Sequence[float]) -> tuple[float, ...]:
    last = len(quantiles) - 1
    return tuple(1 - place / last for place in range(len(quantiles)))


def _best(family: FamilyMaterial, drawn: Sequence[Designed]) -> blocks.Table:
    """List the best proposals of each run and sample: first those that are not out of distribution."""
    columns = ["Start", "Run", family.sample_word.capitalize(), "Start, predicted", "Predicted"]
    columns += ["Start, judged", "Judged", "Edits", "GC", "Flags", "Insert"]
    rows = [
        [
            blocks.text(made["start"], "code"),
            blocks.text(one.run),
            blocks.text(one.sample["sample"]),
            blocks.num(made["start_predicted"], formats.number(made["start_predicted"], 2)),
            _with_sd(made, "predicted"),
            blocks.num(made["start_judged"], formats.number(made["start_judged"], 2)),
            _with_sd(made, "judged"),
            blocks.num(made["edits"]),
            blocks.num(made["gc"], formats.number(float(made["gc"]), 2)),
            _flags(made),
            blocks.text(_marked(made["start_insert"], made["insert"]), "edits"),
        ]
        for one in drawn
        for made in one.sample["best"][: max(1, BEST // len(drawn))]
    ]
    keep = [j for j in range(len(columns)) if j not in (1, 2) or len({row[j].text for row in rows}) > 1]
    note = (
        "Capitals are edits, small letters the start; flanks are left out. With several seeds ± is their standard "
        "deviation. Flags: beyond labels, the prediction is below the lowest or above the highest training label; a "
        "word and its count, more often than in 99.9 % of training rows (its limit; some word is beyond its own in "
        f"{_training_shares(drawn)} of them); unfamiliar, the composition (3-mers, GC) is further from that of "
        "training rows than 99.9 % of them are; disputed, designer and judge disagree by more than on 99 % of test "
        "rows. proposals.tsv and proposals.fasta hold all proposals with their flanks."
    )
    body = [[row[j] for j in keep] for row in rows]
    return blocks.table("The best proposals, by gain according to the judge", [columns[j] for j in keep], body, note)


def _training_shares(drawn: Sequence[Designed]) -> str:
    shares = sorted({one.sample["words"]["training_share"] for one in drawn})
    written = dict.fromkeys(f"{100 * share:.1f} %" for share in (shares[0], shares[-1]))
    return " to ".join(written)


def _with_sd(made: Mapping[str, Any], eye: str) -> blocks.Cell:
    sd = made.get(f"{eye}_sd")
    written = formats.number(made[eye], 2)
    return blocks.num(made[eye], written if sd is None else f"{written} ± {formats.number(sd, 2)}")


def _flags(made: Mapping[str, Any]) -> blocks.Cell:
    flags = [words for name, words in FLAGS.items() if made[name]]
    if made["overused"]:
        flags[flags.index(FLAGS["overused"])] = f"{made['word_count']} {made['word']} (limit {made['word_limit']})"
    return blocks.text(", ".join(flags) or "none", "bad" if flags else "")


def _marked(start: str, insert: str) -> str:
    pairs = zip(start.lower(), insert, strict=True)
    return "".join(was if was == now.lower() else now for was, now in pairs)
