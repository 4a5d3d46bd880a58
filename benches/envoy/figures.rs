//! What was measured, and what of it is told: medians, with the least and the greatest.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::load::{Latency, Protocol};

/// Of one contestant.
#[derive(Default)]
pub(crate) struct Figures {
    /// From the start of the process to the first answer, in ms.
    pub(crate) start: Vec<f64>,
    /// Of its time on processors until then, in ms.
    pub(crate) start_cpu: Vec<f64>,
    /// In MiB, after each round.
    pub(crate) resident: Vec<f64>,
    /// A run for each round.
    pub(crate) runs: BTreeMap<Protocol, Vec<Run>>,
}

/// Of one contestant in one round, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    /// Of Envoy's time on processors, for each request.
    pub(crate) cpu: f64,
    /// Of the time of what it asks for each request.
    pub(crate) beside: Option<f64>,
    /// Of requests that Envoy answers, one at a time.
    pub(crate) single: Latency,
    /// Of those that a service behind it answers.
    pub(crate) through: Latency,
}

/// The median of some figures, their least and their greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Spread { median, min, max })
    }
}

impl Figures {
    /// Of all rounds.
    pub(crate) fn spread(&self, protocol: Protocol, figure: impl Fn(&Run) -> f64) -> Option<Spread> {
        Spread::of(self.runs.get(&protocol)?.iter().map(figure))
    }

    /// Its time on processors less that of another, round by round.
    pub(crate) fn added(&self, other: &Figures, protocol: Protocol) -> Option<Vec<f64>> {
        let (own, others) = (self.runs.get(&protocol)?, other.runs.get(&protocol)?);
        Some(own.iter().zip(others).map(|(own, other)| own.cpu - other.cpu).collect())
    }
}
