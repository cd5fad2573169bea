"""CTC for targets with wildcard labels: positions where only the phone that was not produced is known.

A target is a sequence of labels. A phone id, 2..41, is that phone. A negative id -c is a wildcard label: any one phone
except c, or none. -BLANK_ID is "any one phone", and it cannot be empty.

A target with wildcard labels stands for a set of phone sequences. Its likelihood sums over all alignments of all of
them. In a run of wildcards that may be empty, a phone goes to the first of them that accepts it, so a run counts each
phone sequence once. But if a sequence can be divided in several ways among the labels that cannot be empty, it counts
once for each way: b b counts twice in (wildcard, b, wildcard), because either b may be the label.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from math import exp, inf, log, log1p
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from asheard.phones import BLANK_ID

Values = NDArray[np.float64]
Indices = NDArray[np.int64]


def wildcard_ctc_loss(log_probs: Tensor, targets: Tensor, num_frames: Tensor, num_labels: Tensor) -> Tensor:
    """CTC loss of targets that may have wildcard labels. Without them it equals torch.nn.functional.ctc_loss.

    Args:
        log_probs: (T, B, V) natural logs, float32 or float64, on any device. The sums run on the CPU in float64.
        targets: (B, L) int64, padded: ids of phones, 2..V - 1, and wildcard labels, as above.
        num_frames: (B,) valid frames in each row.
        num_labels: (B,) labels of each target, wildcards included.
    Returns:
        Nats a label, averaged over utterances. A target that does not fit counts as 0.
    Source: Graves et al. 2006 (CTC).
    """
    rows = [row[:length] for row, length in zip(targets.tolist(), num_labels.tolist(), strict=True)]
    losses = _NegativeLogLikelihood.apply(log_probs, rows, num_frames.tolist())  # type: ignore[no-untyped-call]
    losses = torch.where(losses == inf, 0.0, losses)
    mean: Tensor = (losses / num_labels.to(losses).clamp(min=1)).mean()
    return mean


def least_frames(target: Sequence[int]) -> int:
    """Frames that a target needs: one a label, one between equal neighbours, none for a wildcard that may be empty."""
    needed = [label for label in target if label >= -BLANK_ID]
    return len(needed) + sum(left == right > 0 for left, right in pairwise(needed))


class _Graph(NamedTuple):
    """All paths through a target. The phones of label n - 1 lead to node n, and each node may emit blanks.

    labels: (K,) the phone of each state. A state is a phone that leads to a node. state_bounds: (N + 1,) first state of
    each node, then the number of states. heads: (A,) the state that each arc leads to. arc_bounds: (N + 1,) first arc
    that leaves each node, then the number of arcs. final: (N,) whether the target may end at the node.
    """

    labels: Indices
    state_bounds: Indices
    heads: Indices
    arc_bounds: Indices
    final: NDArray[np.bool_]


def _graph(target: Sequence[int], num_ids: int) -> _Graph:
    phones = frozenset(range(BLANK_ID + 1, num_ids))
    fitting = [[label] if label > 0 else sorted(phones - {-label}) for label in target]
    firsts = list(accumulate(map(len, fitting), initial=0))
    heads: list[int] = []
    arc_bounds = [0]
    final = []
    for node in range(len(target) + 1):
        left = phones  # that no wildcard before accepts
        for label, first, taken in zip(target[node:], firsts[node:], fitting[node:], strict=False):
            may_be_empty = label < -BLANK_ID
            heads += [first + i for i, phone in enumerate(taken) if not may_be_empty or phone in left]
            if not may_be_empty:
                break
            left = left & {-label}
        arc_bounds.append(len(heads))
        final.append(all(label < -BLANK_ID for label in target[node:]))
    return _Graph(
        np.array([phone for taken in fitting for phone in taken], np.int64),
        np.array([0, *firsts], np.int64),
        np.array(heads, np.int64),
        np.array(arc_bounds, np.int64),
        np.array(final, np.bool_),
    )


class _NegativeLogLikelihood(torch.autograd.Function):
    """(B,) nats, infinite if a target does not fit. The forward pass also computes the gradient, from the same sums."""

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, targets: list[list[int]], num_frames: list[int]) -> Tensor:
        rows = log_probs.detach().transpose(0, 1).to("cpu", torch.float64).contiguous().numpy()
        valid = [row[:length] for row, length in zip(rows, num_frames, strict=True)]
        graphs = [_graph(target, rows.shape[2]) for target in targets]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            results = list(pool.map(lambda row, graph: _forward_backward(row, *graph), valid, graphs))
        gradient = np.zeros_like(rows)
        for whole, (_, of_valid) in zip(gradient, results, strict=True):
            whole[: len(of_valid)] = of_valid
        ctx.save_for_backward(torch.from_numpy(gradient).transpose(0, 1).to(log_probs))
        return log_probs.new_tensor([loss for loss, _ in results])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * weights[:, None], None, None


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _forward_backward(
    log_probs: Values,
    labels: Indices,
    state_bounds: Indices,
    heads: Indices,
    arc_bounds: Indices,
    final: NDArray[np.bool_],
) -> tuple[float, Values]:
    """The negative log-likelihood of a graph, and its gradient with respect to log_probs, (T, V).

    The columns of alpha and beta are the states, then the blanks of the nodes. alpha[t + 1] sums the paths up to frame
    t that emit a column in frame t; beta sums their continuations from frame t + 1 on.
    """
    (num_frames, num_ids), num_states, num_nodes = log_probs.shape, labels.size, final.size
    emitted = np.append(labels, np.full(num_nodes, BLANK_ID))
    place, values = np.empty(num_ids, np.int64), np.empty(num_ids)
    alpha = np.full((num_frames + 1, emitted.size), -inf)
    alpha[0, num_states] = 0.0
    for t in range(num_frames):
        before, now = alpha[t], alpha[t + 1]
        now[:num_states] = before[:num_states]
        for node in range(num_nodes):
            first, last = state_bounds[node], state_bounds[node + 1]
            blank, phones = before[num_states + node], _log_sum(before[first:last])
            here = now[num_states + node] = _log_add(blank, phones)
            if here == -inf:
                continue
            place[:] = -1
            for state in range(first, last):
                place[labels[state]] = state - first
            for head in heads[arc_bounds[node] : arc_bounds[node + 1]]:
                leaving = here
                if place[labels[head]] >= 0:  # equal neighbours need a blank between them
                    leaving = _log_add(blank, _log_sum_without(before[first:last], phones, place[labels[head]]))
                now[head] = _log_add(now[head], leaving)
        for column, label in enumerate(emitted):
            now[column] += log_probs[t, label]

    beta = np.full(emitted.size, -inf)
    for node in range(num_nodes):
        if final[node]:
            beta[state_bounds[node] : state_bounds[node + 1]] = 0.0
            beta[num_states + node] = 0.0
    likelihood = _log_sum(alpha[num_frames] + beta)
    gradient = np.zeros_like(log_probs)
    if likelihood == -inf:
        return inf, gradient
    for t in range(num_frames - 1, -1, -1):
        after = beta.copy()
        for column, label in enumerate(emitted):
            gradient[t, label] -= exp(alpha[t + 1, column] + beta[column] - likelihood)
            after[column] += log_probs[t, label]
        for node in range(num_nodes):
            place[:] = -1
            num_next = 0
            for head in heads[arc_bounds[node] : arc_bounds[node + 1]]:
                if place[labels[head]] < 0:
                    place[labels[head]], values[num_next] = num_next, after[head]
                    num_next += 1
                else:
                    values[place[labels[head]]] = _log_add(values[place[labels[head]]], after[head])
            blank, phones = after[num_states + node], _log_sum(values[:num_next])
            onward = beta[num_states + node] = _log_add(blank, phones)
            for state in range(state_bounds[node], state_bounds[node + 1]):
                leaving = onward
                if place[labels[state]] >= 0:
                    leaving = _log_add(blank, _log_sum_without(values[:num_next], phones, place[labels[state]]))
                beta[state] = _log_add(after[state], leaving)
    return -likelihood, gradient


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _log_add(one: float, other: float) -> float:
    if one < other:
        one, other = other, one
    if other < one - 40 or one == -inf:  # exp(-40) is below the rounding error of 1
        return one
    return one + log1p(exp(other - one))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _log_sum(values: Values) -> float:
    if values.size == 1:
        return float(values[0])
    largest = -inf
    for value in values:
        if not value <= largest:  # keeps nan
            largest = value
    if largest == -inf:
        return largest
    total = 0.0
    for value in values:
        total += exp(value - largest)
    return largest + log(total)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _log_sum_without(values: Values, total: float, index: int) -> float:
    """The log-sum of all values except one; `total` is the log-sum of all."""
    if values[index] == -inf:
        return total
    share = exp(values[index] - total)
    if share < 0.5:
        return total + log1p(-share)
    # The difference would be mostly rounding error.
    return float(_log_add(_log_sum(values[:index]), _log_sum(values[index + 1 :])))
