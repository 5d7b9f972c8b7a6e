"""The commands by which a plan is done by hand: each takes its item from plan.json, which is published with results."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.models.plan import PLAN_SCHEMA_VERSION

PLAN = "pipeline_info/plan.json"
"""The plan, as seen from the folder of results, where the commands are typed."""
AGAIN = "again"
MODEL_STAGES = {"evaluate": "evaluation", "perturb": "effects", "predict": "predictions", "design": "designs"}
MOST = 200  # commands of one stage that are written out


def plan_commands(plan: Mapping[str, Any]) -> list[str]:
    """Return shell commands in an order in which they work, typed in the folder of results; they write to `again`.

    Of more than 200 items of a stage, the others are counted in a comment. There are none for plans of other versions.
    """
    if plan.get("schema_version") != PLAN_SCHEMA_VERSION:
        return []
    items = {stage: plan.get(stage) or [] for stage in ("preprocess", "tokenize", "train", *MODEL_STAGES)}
    # A run that starts from another one comes behind it.
    items["train"] = sorted(items["train"], key=lambda item: _is_run(item["init"]))
    lines = []
    for stage, entries in items.items():
        lines += [_command(stage, item) for item in entries[:MOST]]
        if len(entries) > MOST:
            lines.append(f"# and {len(entries) - MOST:,} more of {stage}, each with the id of its item")
    for item in plan.get("compare") or []:
        lines.append(_comparison(item, items["evaluate"]))
    if lines:
        lines.append(shlex.join(["gxtool", "report", "--input", AGAIN, "--plan", PLAN, "--output", AGAIN]))
    return lines


def _comparison(item: Mapping[str, Any], evaluated: Sequence[Mapping[str, Any]]) -> str:
    """Name the evaluations in the order of the plan: runs are compared with the first of them."""
    folders = [f"{AGAIN}/runs/{one['run']}/evaluation" for one in evaluated]
    read = [word for folder in (folders if len(folders) <= MOST else [f"{AGAIN}/runs"]) for word in ("--input", folder)]
    words = ["gxtool", "compare", "--item", f"{PLAN}#{item['id']}", *read, "--output", f"{AGAIN}/comparison"]
    return shlex.join(words)


def _command(stage: str, item: Mapping[str, Any]) -> str:
    words = ["gxtool", stage, "--item", f"{PLAN}#{item['id']}", *_reads(stage, item), "--output"]
    if stage == "preprocess":
        return shlex.join([*words, f"{AGAIN}/examples/{item['id']}"])
    if stage == "tokenize":
        return shlex.join([*words, f"{AGAIN}/datasets/{item['id']}"])
    return shlex.join([*words, f"{AGAIN}/runs/{item['run']}/{MODEL_STAGES.get(stage, 'models')}"])


def _reads(stage: str, item: Mapping[str, Any]) -> Sequence[str]:
    if stage == "preprocess":
        return ()
    if stage == "tokenize":
        return [word for key in item["preprocess"] for word in ("--input", f"{AGAIN}/examples/{key}")]
    words = ["--input", f"{AGAIN}/datasets/{item['dataset']}"]
    if stage == "train":
        return [*words, *(["--from", _models(item["init"])] if item["init"] else [])]
    words += ["--checkpoint", _models(item["init"] if stage == "predict" else item["run"])]
    return [*words, "--judge", _models(item["judge"])] if stage == "design" else words


def _models(run: str) -> str:
    """Return where the models of a run, or of a folder trained before, lie."""
    return f"{AGAIN}/runs/{run}/models" if _is_run(run) else run


def _is_run(models: str) -> bool:
    """Say whether models are named by a run: a folder's name is an absolute path."""
    return bool(models) and "/" not in models
