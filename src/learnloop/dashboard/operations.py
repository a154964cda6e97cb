"""The operations page: what is released, how good it is, what is stored."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from learnloop.dashboard import charts
from learnloop.dashboard.client import Client
from learnloop.i18n import N_

Translate = Callable[[str], str]

MODELS = {
    "neighbours": N_("Item neighbours"),
    "ease": N_("EASE"),
    "ials": N_("Matrix factorisation"),
    "bpr": N_("Pairwise ranking"),
    "hybrid": N_("Hybrid with texts"),
    "sasrec": N_("Sequence model"),
    "blend": N_("Blend"),
    "popularity": N_("Popularity"),
    "popularity_in_course": N_("Popularity in the course"),
    "random": N_("Random"),
    "logistic": N_("Logistic tracer"),
    "irt": N_("Item response theory"),
    "pfa": N_("Performance factors"),
    "bkt": N_("Bayesian knowledge tracing"),
    "attention": N_("Attention tracer"),
    "memory": N_("Memory"),
    "recall": N_("Memory, after a day or more"),
    "rate": N_("Average of the item"),
    "item_rate": N_("Average of the item"),
}


def page(client: Client, _: Translate) -> None:
    found = client.operations()
    release = found.get("release")
    st.header(_("Release"))
    if not release:
        st.warning(_("Nothing has been released yet. Run: learnloop run"))
    else:
        version, trained = st.columns(2)
        version.metric(_("Version"), release["version"])
        trained.metric(_("Trained on activity until"), str(release["split_at"])[:10])
        _quality(found.get("metrics") or {}, _)
    st.header(_("Stored"))
    counts = found["counts"]
    shown = {
        _("Items"): counts.get("items", 0),
        _("Concepts"): counts.get("concepts", 0),
        _("Learners"): counts.get("learners", 0),
        _("Interactions"): counts.get("interactions", 0),
        _("Questions"): counts.get("questions", 0),
        _("Rejected rows"): counts.get("rejected_rows", 0),
    }
    for column, (label, count) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(label, f"{count:,}")


def _quality(metrics: Mapping[str, Any], _: Translate) -> None:
    ranking = _rows(metrics.get("ranking") or {}, "ndcg", _)
    tracing = _rows(metrics.get("tracing") or {}, "auc", _)
    left, right = st.columns(2)
    with left:
        st.subheader(_("Recommendations"))
        if not ranking.empty:
            st.altair_chart(charts.intervals(ranking, "NDCG"), width="stretch")
    with right:
        st.subheader(_("Mastery estimates"))
        if not tracing.empty:
            st.altair_chart(charts.intervals(tracing, "AUC"), width="stretch")
    st.caption(_("Measured on activity the models had not seen; the bars are 95% intervals."))


def _rows(models: Mapping[str, Any], metric: str, _: Translate) -> pd.DataFrame:
    rows = [
        {"model": _(MODELS[name]), **values[metric]}
        for name, values in models.items()
        if name in MODELS and "value" in (values.get(metric) or {})
    ]
    return pd.DataFrame(rows)
