"""From the labels named before and after to shares, intervals and tests."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from o2b_helpers.core.params import Params
from o2b_helpers.kernels.paste.label_changes import cochran_q, label_changes, mcnemar, share_interval
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.emocam.paste.pasting import NOT_PASTED, Pasted
from o2b_helpers.studies.emocam.paste.plan import kinds, positions
from o2b_helpers.studies.emocam.paste.tables import ANYWHERE, OBJECT_KIND

SAMPLES_AT_A_TIME = 128
Names = tuple[str, ...]


def mean_interval(values: np.ndarray, params: Params) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean over pictures and its interval by bootstrap over pictures; NaN among the values is left out.

    Parameters
    ----------
    values : array (..., picture)
        All rows are drawn alike.
    params : Params
        `significance` says how often, from which seed, and which interval.

    Returns
    -------
    mean, low, high : array (...)
        NaN where no value is known.
    """
    rule, lead, pictures = params.analysis.significance, values.shape[:-1], values.shape[-1]
    if not pictures:
        return np.full(lead, np.nan), np.full(lead, np.nan), np.full(lead, np.nan)
    flat = np.asarray(values, dtype=np.float64).reshape(-1, pictures)
    known = ~np.isnan(flat)
    filled, rng = np.where(known, flat, 0.0), np.random.default_rng(rule.seed)
    means = []
    with np.errstate(invalid="ignore"):
        for start in range(0, rule.bootstrap, SAMPLES_AT_A_TIME):
            many = min(SAMPLES_AT_A_TIME, rule.bootstrap - start)
            drawn = rng.multinomial(pictures, np.full(pictures, 1 / pictures), many).astype(np.float64)
            means.append((filled @ drawn.T) / (known.astype(np.float64) @ drawn.T))
        mean = filled.sum(1) / known.sum(1)
    samples, tail, low, high = np.concatenate(means, 1), (1 - rule.confidence) / 2, *np.full((2, len(flat)), np.nan)
    some = known.any(1)
    if some.any():
        low[some], high[some] = np.nanquantile(samples[some], [tail, 1 - tail], axis=1)
    return mean.reshape(lead), low.reshape(lead), high.reshape(lead)


def position_rows(params: Params, pasted: Pasted, objects: Names, labels: Names) -> pd.DataFrame:
    """Work out paste_positions.csv for one network."""
    rows, where, confidence = [], positions(params), params.analysis.significance.confidence
    for (thing, name), (kind, what) in product(enumerate(objects), enumerate(kinds(params))):
        changes = label_changes(pasted.before, pasted.after[thing, kind, : len(where)], len(labels))
        counts = changes.changed.sum(1)
        low, high = share_interval(counts, len(pasted.before), confidence)
        seen, cams = pasted.seen[thing, : len(where)].mean(1), _cam_means(pasted, thing, what, len(where))
        for place, (x, y) in enumerate(where):
            often = int(changes.most_often[place])
            rows.append({
                "object": name, "kind": what, "position": place + 1, "x": x, "y": y, "pictures": len(pasted.before),
                "changed": int(counts[place]), "share": changes.share[place], "share_low": low[place],
                "share_high": high[place], "most_often": labels[often] if often >= 0 else "",
                "most_often_pictures": int(changes.switches[place, :, often].sum()) if often >= 0 else 0,
                "seen": seen[place], "cam_before": cams[0][place], "cam_after": cams[1][place],
            })  # fmt: skip
    return pd.DataFrame(rows)


def object_rows(params: Params, pasted: Pasted, objects: Names, labels: Names) -> pd.DataFrame:
    """Work out paste_objects.csv for one network."""
    rows, places, confidence = [], len(positions(params)), params.analysis.significance.confidence
    for (thing, name), (kind, what) in product(enumerate(objects), enumerate(kinds(params))):
        changes = label_changes(pasted.before, pasted.after[thing, kind, :places], len(labels))
        mean, low, high = mean_interval(changes.changed.mean(0), params)
        anywhere = np.any(changes.changed, axis=0)
        (any_low,), (any_high,) = share_interval(np.array([anywhere.sum()]), len(anywhere), confidence)
        arrivals = changes.switches.sum((0, 1))
        q, freedom, p = cochran_q(changes.changed) if places > 1 else (np.nan, 0, np.nan)
        before, after = _cam_means(pasted, thing, what, places)
        move = pasted.cam_after[thing, :places] - pasted.cam_before[thing, :places]
        known = ~np.isnan(move)
        of_picture = np.where(known, move, 0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)
        change = mean_interval(of_picture, params) if what == OBJECT_KIND else (np.nan,) * 3
        rows.append({
            "object": name, "kind": what, "pictures": len(pasted.before), "positions": places, "share": float(mean),
            "share_low": float(low), "share_high": float(high), "anywhere": anywhere.mean(), "anywhere_low": any_low,
            "anywhere_high": any_high, "most_often": labels[int(arrivals.argmax())] if arrivals.any() else "",
            "cochran_q": q, "freedom": freedom, "p": p, "cam_before": _mean(before), "cam_after": _mean(after),
            **dict(zip(("cam_change", "cam_change_low", "cam_change_high"), map(float, change), strict=True)),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(q=benjamini_hochberg(table["p"].to_numpy(dtype=np.float64)))


def control_rows(params: Params, pasted: Pasted, objects: Names) -> pd.DataFrame:
    """Work out paste_controls.csv for one network: McNemar of each object against each of its controls."""
    rows, places = [], len(positions(params))
    changed = pasted.after[:, :, :places] != pasted.before
    changed = np.concatenate([changed.any(2, keepdims=True), changed], 2)  # (object, kind, place, picture)
    for (thing, name), (kind, what) in product(enumerate(objects), enumerate(kinds(params))):
        if what == OBJECT_KIND:
            continue
        test = mcnemar(changed[thing, 0], changed[thing, kind])
        _, low, high = mean_interval(changed[thing, 0].astype(float) - changed[thing, kind], params)
        rows.append(pd.DataFrame({
            "object": name, "control": what, "position": np.arange(ANYWHERE, places + 1),
            "pictures": len(pasted.before), "only_object": test.only_first, "only_control": test.only_second,
            "difference": test.difference, "difference_low": low, "difference_high": high, "p": test.p,
        }))  # fmt: skip
    if not rows:
        return pd.DataFrame()
    table = pd.concat(rows, ignore_index=True)
    family = table["position"] == ANYWHERE
    q = np.full(len(table), np.nan)
    for own in (family, ~family):
        q[own] = benjamini_hochberg(table.loc[own, "p"].to_numpy(dtype=np.float64))
    return table.assign(q=q)


def switch_rows(params: Params, pasted: Pasted, objects: Names, labels: Names) -> pd.DataFrame:
    """Work out paste_switches.csv for one network: every pair of different labels."""
    rows, places = [], len(positions(params))
    for (thing, name), (kind, what) in product(enumerate(objects), enumerate(kinds(params))):
        switches = label_changes(pasted.before, pasted.after[thing, kind, :places], len(labels)).switches.sum(0)
        total = switches.sum(1)
        rows += [
            (name, what, labels[a], labels[b], int(switches[a, b]), switches[a, b] / total[a] if total[a] else np.nan)
            for a, b in product(range(len(labels)), repeat=2)
            if a != b
        ]
    return pd.DataFrame(rows, columns=["object", "kind", "before", "after", "switches", "share"])


def box_rows(params: Params, pasted: Pasted, objects: Names, labels: Names) -> pd.DataFrame:
    """Work out paste_boxes.csv for one network: boxes of each class against random places, picture by picture."""
    rows, start, rule = [], len(positions(params)), params.analysis.significance
    classes = params.analysis.paste.box_classes
    for (thing, name), (kind, what), (number, of_class) in product(
        enumerate(objects), enumerate(kinds(params)), enumerate(classes)
    ):
        after = pasted.after[thing, kind, start + 2 * number : start + 2 * number + 2]
        shown = (after != NOT_PASTED).all(0)
        row = {"object": name, "kind": what, "class": of_class, "pictures": int(shown.sum()), "most_often": ""}
        changes = label_changes(pasted.before[shown], after[:, shown], len(labels))
        low, high = share_interval(changes.changed.sum(1), int(shown.sum()), rule.confidence)
        for place, where in enumerate(("box", "random")):
            row |= {where: changes.share[place], f"{where}_low": low[place], f"{where}_high": high[place]}
        box, random = changes.changed
        difference = mean_interval(box.astype(float) - random, params)
        row |= dict(zip(("difference", "difference_low", "difference_high"), map(float, difference), strict=True))
        row |= {"only_box": int((box & ~random).sum()), "only_random": int((random & ~box).sum())}
        row["p"] = float(mcnemar(box, random).p) if shown.any() else np.nan
        often = int(changes.most_often[0])
        rows.append(row | {"most_often": labels[often] if often >= 0 else ""})
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    return table.assign(q=benjamini_hochberg(table["p"].to_numpy(dtype=np.float64)))


def label_rows(params: Params, pasted: Pasted, objects: Names, labels: Names, images: Names) -> pd.DataFrame:
    """List paste_labels.parquet for one network: everything that was pasted, and what was named."""
    spots = [("position", number + 1, "") for number in range(len(positions(params)))]
    spots += [(where, 0, name) for name in params.analysis.paste.box_classes for where in ("box", "random")]
    thing, kind, place, picture = np.nonzero(pasted.after != NOT_PASTED)
    is_object = np.array(kinds(params))[kind] == OBJECT_KIND
    number, own = np.array(labels, dtype=object), (thing, place, picture)
    return pd.DataFrame({
        "image": np.array(images, dtype=object)[picture], "object": np.array(objects, dtype=object)[thing],
        "kind": np.array(kinds(params), dtype=object)[kind],
        "where": np.array([spot[0] for spot in spots], dtype=object)[place],
        "position": np.array([spot[1] for spot in spots])[place],
        "class": np.array([spot[2] for spot in spots], dtype=object)[place],
        "x": pasted.centre[own][:, 0], "y": pasted.centre[own][:, 1], "seen": pasted.seen[own],
        "before": number[pasted.before[picture]], "after": number[pasted.after[thing, kind, place, picture]],
        "cam_before": np.where(is_object, pasted.cam_before[own], np.nan),
        "cam_after": np.where(is_object, pasted.cam_after[own], np.nan),
    })  # fmt: skip


def _cam_means(pasted: Pasted, thing: int, kind: str, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean share of the map in the box before and after, for each position; NaN for controls."""
    if kind != OBJECT_KIND:
        return np.full(places, np.nan), np.full(places, np.nan)
    before, after = (
        np.array([_mean(line) for line in cam[thing, :places]]) for cam in (pasted.cam_before, pasted.cam_after)
    )
    return before, after


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
